"""Reads one page of a server on this machine, running or not."""

import http.client

ANSWERED_WITHIN_S = 5.0


def page_of(port: int, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body; (0, {}, b"") without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERED_WITHIN_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, {}, b""
    finally:
        connection.close()
