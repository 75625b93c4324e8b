"""The real Firebase Auth emulator: installed once into `.cache` from the lock beside this file, run by Node."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Self

import httpx

from infra.ports import free_port
from tests.support.npm import installed
from tests.support.wait import wait_until

HERE = Path(__file__).parent
PROJECT = "demo-blytz"
READY_WITHIN_S = 90.0
STOPPED_WITHIN_S = 20
PASSWORD = "correct horse battery"


class Emulator:
    """Ready when the constructor returns; ended with `close`."""

    def __init__(self, folder: Path) -> None:
        home = installed("firebase", HERE)
        self.host = f"127.0.0.1:{free_port()}"
        ports = {"auth": int(self.host.rpartition(":")[2]), "hub": free_port(), "logging": free_port()}
        emulators: dict[str, Any] = {name: {"host": "127.0.0.1", "port": port} for name, port in ports.items()}
        emulators |= {"ui": {"enabled": False}, "singleProjectMode": True}
        (folder / "firebase.json").write_text(json.dumps({"emulators": emulators}))
        self._log = folder / "emulator.log"
        command = [
            str(home / "node_modules/.bin/firebase"),
            "emulators:start",
            "--only",
            "auth",
            "--project",
            PROJECT,
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "HOME": str(folder), "CI": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._http = httpx.Client(base_url=f"http://{self.host}/identitytoolkit.googleapis.com/v1", timeout=10)
        try:
            wait_until(self._answers, "the emulator answers", READY_WITHIN_S)
        except BaseException:
            self.close()
            raise

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"the emulator ended:\n{self._log.read_text()}"
        try:
            return bool(httpx.get(f"http://{self.host}/", timeout=1).json()["authEmulator"]["ready"])
        except (httpx.HTTPError, ValueError, KeyError):
            return False

    def sign_up(self, name: str, **claims: Any) -> str:
        """Returns the ID token of a new user with these custom claims."""
        who = {"email": f"{name.lower()}@example.com", "password": PASSWORD, "returnSecureToken": True}
        made = self._ask("accounts:signUp", {**who, "displayName": name})
        if not claims:
            return str(made["idToken"])
        change = {"localId": made["localId"], "customAttributes": json.dumps(claims)}
        self._ask(f"projects/{PROJECT}/accounts:update", change)
        return str(self._ask("accounts:signInWithPassword", who)["idToken"])

    def _ask(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": "Bearer owner"} if call.startswith("projects/") else {}
        answer = self._http.post(f"/{call}", params={"key": "any"}, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def close(self) -> None:
        self._http.close()
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
