"""A stand-in for S3: moto, as a server that checks signatures and rights. It knows one bucket, which everybody may
read, and one key, which may write there."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Self

import boto3  # type: ignore[import-untyped]
import httpx

from blytz.show.images.bucket import BucketAddress
from infra.ports import free_port
from tests.support.wait import wait_until

READY_WITHIN_S: Final = 20.0
BUCKET: Final = "blytz-images"
REGION: Final = "eu-central-1"
EVERYTHING: Final = f"arn:aws:s3:::{BUCKET}/*"


class S3Server:
    """Ready when the constructor returns. What it holds is gone when it stops."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = folder / "s3.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def public_url(self) -> str:
        return f"{self.endpoint}/{BUCKET}"

    @property
    def settings(self) -> dict[str, str]:
        """What a service needs to use it."""
        return {
            "images_bucket": BUCKET,
            "images_endpoint": self.endpoint,
            "images_region": REGION,
            "images_key_id": self.key_id,
            "images_secret_key": self.secret_key,
        }

    def address(self, **other: Any) -> BucketAddress:
        usual = {"name": BUCKET, "endpoint": self.endpoint, "region": REGION, "path_style": True}
        return BucketAddress(**{**usual, "key_id": self.key_id, "secret_key": self.secret_key, **other})

    def start(self) -> None:
        """Empty, with another key than before."""
        assert self._process is None, "S3 is running"
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until(self._answers, "S3 answers", READY_WITHIN_S)
            self._prepare()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._process:
            self.thaw()
            self._process.terminate()
            self._process.wait(READY_WITHIN_S)
            self._process = None

    def freeze(self) -> None:
        """It takes connections and does not answer."""
        assert self._process is not None, "S3 is not running"
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None, "S3 is not running"
        self._process.send_signal(signal.SIGCONT)

    def refuse(self, *names: str) -> None:
        """From now on the key may not write objects of these names; without any, it may write all."""
        denied = [_statement("Deny", [f"arn:aws:s3:::{BUCKET}/{name}" for name in names])] if names else []
        self._check(is_on=False)
        policy = _policy(_statement("Allow", [EVERYTHING]), *denied)
        self._client("iam").put_user_policy(UserName="blytz", PolicyName="own", PolicyDocument=policy)
        self._check(is_on=True)

    def stored(self) -> dict[str, dict[str, Any]]:
        """The objects by name, with their `Body` and headers."""
        self._check(is_on=False)
        s3 = self._client("s3")
        names = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
        found = {name: s3.get_object(Bucket=BUCKET, Key=name) for name in names}
        self._check(is_on=True)
        return {name: {**each, "Body": each["Body"].read()} for name, each in found.items()}

    def serve_everybody(self) -> None:
        """Without a key moto answers only while it checks none; even then not what is not public."""
        self._check(is_on=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/moto-api/data.json").is_success
        except httpx.TransportError:
            return False

    def _prepare(self) -> None:
        iam, s3 = self._client("iam"), self._client("s3")
        iam.create_user(UserName="blytz")
        key = iam.create_access_key(UserName="blytz")["AccessKey"]
        self.key_id, self.secret_key = str(key["AccessKeyId"]), str(key["SecretAccessKey"])
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        everybody = {**_statement("Allow", [EVERYTHING], "s3:GetObject"), "Principal": "*"}
        s3.put_bucket_policy(Bucket=BUCKET, Policy=_policy(everybody))
        self.refuse()

    def _check(self, *, is_on: bool) -> None:
        """Signatures and rights."""
        httpx.post(f"{self.endpoint}/moto-api/reset-auth", content="0" if is_on else "inf").raise_for_status()

    def _client(self, service: str) -> Any:
        key = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, **key)


def _statement(effect: str, resources: list[str], *actions: str) -> dict[str, Any]:
    return {"Effect": effect, "Action": actions or ("s3:GetObject", "s3:PutObject"), "Resource": resources}


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
