"""Malformed messages: each gets an error, and the tenth in a minute ends the connection."""

from typing import Any

import pytest

from tests.contract.live.conftest import Connect
from tests.support.live_client import BINARY, CONTINUATION, PING, PONG, TEXT, Client, Closed, frame

DEEP = b'{"x":' + b"[" * 1_900 + b"]" * 1_900 + b',"type":"ping"}'
MALFORMED_MESSAGES = [
    b"",
    b" ",
    b"{",
    b"null",
    b"5",
    b'"ping"',
    b"{}",
    b"[[]]",
    b"[null]",
    b'{"type":"pong"}',
    b'{"type":5}',
    b'{"type":"ping","type":"x"}',
    b'{"type":"ping","more":1}',
    b'{"type":"ping"} {"type":"ping"}',
    b'{"type":"ping","ref":7}',
    b'{"type":"ping","ref":null}',
    b'{"type":"ping","ref":"\xff\xfe"}',
    b'{"type":"ping","ref":"\\ud800"}',
    b"\xef\xbb\xbf" + b'{"type":"ping"}',
    b'{"type":"auth"}',
    b'{"type":"auth","token":5}',
    b'{"type":"watch"}',
    b'{"type":"watch","topic":"auction:a","after":"1"}',
    b'{"type":"watch","topic":"auction:a","after":1.5}',
    b'{"type":"watch","topic":"auction:a","after":true}',
    b'{"type":"bid","auction_id":"a","bid_id":"b"}',
    b'{"type":"bid","auction_id":"a","bid_id":"b","amount":1,"kind":"all"}',
    b"\x00" * 100,
    DEEP,
]


async def goes_on(client: Client) -> None:
    assert await client.drain() == []


@pytest.mark.parametrize("text", MALFORMED_MESSAGES, ids=lambda text: repr(text[:40]))
async def test_a_malformed_message_gets_an_error_and_the_connection_stays_open(
    text: bytes, connect: Connect
) -> None:
    client = await connect()
    client.send_text(text)
    error = await client.next()
    assert (error["type"], error["code"]) == ("error", "invalid_request")
    assert error["detail"]
    await goes_on(client)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "bid", "auction_id": "a", "bid_id": "b", "amount": 0},
        {"type": "bid", "auction_id": "a", "bid_id": "b", "amount": "5"},
        {"type": "watch", "topic": 5},
        {"type": "shout"},
        {"type": "ping", "more": 1},
        {"kind": "nothing"},
    ],
    ids=str,
)
async def test_the_error_for_a_malformed_message_carries_its_ref(
    message: dict[str, Any], connect: Connect
) -> None:
    client = await connect()
    assert (await client.ask({**message, "ref": "mine"}, "error"))["ref"] == "mine"


async def test_text_that_is_not_utf_8_is_a_malformed_message(connect: Connect) -> None:
    client = await connect()
    client.send_text(b'{"type":"ping","ref":"\xff\xfe"}')
    assert (await client.next())["detail"] == "the text is not UTF-8"
    client.send_text(b'[{"type":"ping"},{"type":"ping","ref":"caf\xe9"}]')
    assert (await client.next())["detail"] == "the text is not UTF-8"
    await goes_on(client)


async def test_one_malformed_message_makes_its_batch_malformed(connect: Connect) -> None:
    client = await connect()
    client.send_text(b'[{"type":"ping","ref":"a"},{"type":"pang"},{"type":"ping","ref":"b"}]')
    assert (await client.next())["code"] == "invalid_request"
    await goes_on(client)


async def test_the_tenth_malformed_message_in_a_minute_ends_the_connection(connect: Connect) -> None:
    client = await connect()
    for _ in range(9):
        client.send_text(b"{")
        assert (await client.next())["code"] == "invalid_request"
    await goes_on(client)
    client.send_text(b"{")
    assert (await client.next())["code"] == "invalid_request"
    with pytest.raises(Closed) as closed:
        await client.next()
    assert closed.value.code == 4400


async def ends_malformed(client: Client) -> None:
    """Checks that an error comes before the close."""
    assert (await client.next())["code"] == "invalid_request"
    assert await client.closed() == 4400


async def test_refused_but_well_formed_messages_do_not_count_as_malformed(connect: Connect) -> None:
    client = await connect()
    unmet: list[dict[str, Any]] = [
        {"type": "watch", "topic": "lamps"},
        {"type": "watch", "topic": "auction:auc_none"},
        {"type": "bid", "auction_id": "auc_none", "bid_id": "b", "amount": 1},
    ]
    client.send(*unmet * 5)
    assert [(await client.next())["type"] for _ in range(15)].count("error") == 10
    await goes_on(client)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(b"{}", masked=False), 1002),
        (frame(b"{}", 0x3), 1002),
        (frame(b"x" * 126, PING), 1002),
        (frame(b"x", PING, fin=False), 1002),
        (frame(b"\x03\xe8\xff", 0x8), 1007),
        (frame(b" " * 65_537), 1009),
    ],
    ids=[
        "no mask",
        "no opcode",
        "a long ping",
        "a fragmented ping",
        "a close reason that is not text",
        "past 64 KiB",
    ],
)
async def test_a_websocket_protocol_error_closes_with_its_standard_code(
    sent: bytes, code: int, connect: Connect
) -> None:
    client = await connect()
    client.writer.write(sent)
    assert await client.closed() == code


async def test_a_message_of_4096_bytes_is_read_and_a_longer_one_ends_the_connection(connect: Connect) -> None:
    client = await connect()
    head, tail = b'{"type":"ping","ref":"', b'"}'
    longest = head + b"x" * (4_096 - len(head) - len(tail)) + tail
    client.send_text(longest)
    assert len((await client.receive("pong"))["ref"]) == 4_096 - len(head) - len(tail)
    client.send_text(b" " + longest)
    await ends_malformed(client)


@pytest.mark.parametrize("size", [4_097, 20_000, 65_535, 65_536])
async def test_longer_frames_end_the_connection(size: int, connect: Connect) -> None:
    client = await connect()
    client.send_text(b" " * size)
    await ends_malformed(client)


async def test_an_auth_may_have_16_kib_and_no_more(connect: Connect) -> None:
    for size, code in ((16_384, 4401), (16_385, 4400)):
        client = await connect()
        head, tail = b'{"type":"auth","token":"', b'"}'
        client.send_text(head + b"x" * (size - len(head) - len(tail)) + tail)
        assert (await client.next())["type"] == "error"
        assert await client.closed() == code


async def test_a_frame_that_announces_an_enormous_length_ends_the_connection_before_its_payload(
    connect: Connect,
) -> None:
    client = await connect()
    client.writer.write(b"\x81\xff" + (2**40).to_bytes(8, "big") + b"mask")
    assert await client.closed() in (1009, 4400)


async def test_a_fragmented_message_is_read_as_one(connect: Connect) -> None:
    client = await connect()
    text = b'{"type":"ping","ref":"pieces"}'
    client.writer.write(frame(text[:5], fin=False))
    client.writer.write(frame(b"still there", PING))
    for byte in text[5:-1]:
        client.writer.write(frame(bytes([byte]), CONTINUATION, fin=False))
    client.writer.write(frame(b"", CONTINUATION, fin=False))
    client.writer.write(frame(text[-1:], CONTINUATION))
    assert (await client.receive("pong"))["ref"] == "pieces"


async def test_fragments_together_may_not_exceed_the_message_limit(connect: Connect) -> None:
    client = await connect()
    client.writer.write(frame(b" " * 4_000, fin=False))
    client.writer.write(frame(b" " * 97, CONTINUATION))
    await ends_malformed(client)


@pytest.mark.parametrize(
    "frames",
    [
        [frame(b"tail", CONTINUATION)],
        [frame(b"head", fin=False), frame(b"another", TEXT)],
        [frame(b"head", fin=False), frame(b"another", TEXT, fin=False)],
    ],
    ids=["a tail alone", "a whole in between", "a head in between"],
)
async def test_fragments_out_of_order_end_the_connection(frames: list[bytes], connect: Connect) -> None:
    client = await connect()
    client.writer.write(b"".join(frames))
    await ends_malformed(client)


async def test_a_binary_message_is_malformed(connect: Connect) -> None:
    client = await connect()
    client.writer.write(frame(b'{"type":"ping"}', BINARY))
    assert (await client.next())["code"] == "invalid_request"
    await goes_on(client)
    for _ in range(9):
        client.writer.write(frame(b"\x00", BINARY))
    assert await client.closed() == 4400


async def test_a_websocket_ping_is_answered_and_not_malformed(connect: Connect) -> None:
    client = await connect()
    client.writer.write(frame(b"unasked", PONG) + frame(b"are you there", PING))
    assert await client.frame() == (PONG, b"are you there")
    await goes_on(client)


@pytest.mark.parametrize("code", [b"", b"\x03\xe8", b"\x03\xe9bye", b"\x0f\xa0"])
async def test_a_close_frame_is_answered(code: bytes, connect: Connect) -> None:
    client = await connect()
    client.writer.write(frame(code, 0x8))
    assert await client.closed() in (1000, int.from_bytes(code[:2], "big"))
    assert await client.reader.read() == b""
