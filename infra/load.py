"""`make load`: starts a platform, lets fifty bidders of k6 bid on it, prints k6's summary.

The exit code is k6's: 0 when every threshold held, 99 when one did not.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from blytz.cli.data_folder import running_platform
from infra.ports import free_port

ROOT = Path(__file__).parents[1]
BIN = ROOT / ".venv" / "bin"
READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 15.0
SERVICES = ("AUCTION", "LIVE", "HAMMER")


def k6(url: str, *arguments: str, **settings: str) -> list[str]:
    """The command, without k6's usage report. k6 gives `settings` to the script."""
    env = [f"--env={name}={value}" for name, value in {"BLYTZ_URL": url, **settings}.items()]
    script = str(ROOT / "infra/k6-bid-test.js")
    return [str(BIN / "k6"), "run", "--no-usage-report", "--quiet", *env, *arguments, script]


def main(arguments: list[str]) -> int:
    port = free_port()
    configured = {"REDIS_URL", "BLYTZ_ENV", "BLYTZ_DATA", "BLYTZ_URL"}
    env = {name: value for name, value in os.environ.items() if name not in configured}
    env |= {f"BLYTZ_{name}_PORT": str(free_port()) for name in SERVICES}
    with tempfile.TemporaryDirectory(prefix="blytz-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        with (Path(folder) / "up.log").open("w+") as log:
            up = [str(BIN / "blytz"), "up", "--port", str(port), "--data", str(data)]
            platform = subprocess.Popen(up, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                if not _is_ready(platform, data):
                    log.seek(0)
                    print(f"the platform did not start:\n{log.read()}", file=sys.stderr)
                    return 1
                return subprocess.run(k6(f"http://127.0.0.1:{port}", *arguments), check=False).returncode
            finally:
                platform.terminate()
                platform.wait(STOPPED_WITHIN_S)


def _is_ready(platform: subprocess.Popen[bytes], data: Path) -> bool:
    deadline = time.monotonic() + READY_WITHIN_S
    while platform.poll() is None and time.monotonic() < deadline:
        note = running_platform(data)
        if note is not None and note["ready"]:
            return True
        time.sleep(0.05)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
