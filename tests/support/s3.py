"""A stand-in for S3: moto, as a server that checks signatures and rights. It has one bucket, which everybody may
read, and one key, which may write there."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

import boto3  # type: ignore[import-untyped]
import httpx

from blytz.show.images.bucket import BucketAddress
from infra.ports import free_port
from tests.support.wait import wait_until

READY_WITHIN_S: Final = 30.0
BUCKET: Final = "blytz-images"
REGION: Final = "eu-central-1"
EVERYTHING: Final = f"arn:aws:s3:::{BUCKET}/*"


class S3Server:
    """One server process, started on construction and ready when the constructor returns."""

    def __init__(self) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self._answers, "S3 answers", READY_WITHIN_S)
            self._iam, self._s3 = self._client("iam"), self._client("s3")
            self._prepare()
        except BaseException:
            self.close()
            raise

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

    def empty(self) -> None:
        """As it was at its start."""
        self._process.send_signal(signal.SIGCONT)
        self.refuse()
        names = self.stored()
        with self._unchecked():
            for name in names:
                self._s3.delete_object(Bucket=BUCKET, Key=name)

    def freeze(self) -> None:
        """It takes connections and does not answer, until it is emptied."""
        self._process.send_signal(signal.SIGSTOP)

    def refuse(self, *names: str) -> None:
        """From now on the key may not write objects of these names; without any, it may write all."""
        denied = [_statement("Deny", [f"arn:aws:s3:::{BUCKET}/{name}" for name in names])] if names else []
        policy = _policy(_statement("Allow", [EVERYTHING]), *denied)
        with self._unchecked():
            self._iam.put_user_policy(UserName="blytz", PolicyName="own", PolicyDocument=policy)

    def stored(self) -> dict[str, dict[str, Any]]:
        """The objects by name, with their `Body` and headers."""
        with self._unchecked():
            names = [each["Key"] for each in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
            found = {name: self._s3.get_object(Bucket=BUCKET, Key=name) for name in names}
            return {name: {**each, "Body": each["Body"].read()} for name, each in found.items()}

    def serve_everybody(self) -> None:
        """Without a key moto answers only while it checks none; even then not what is not public."""
        self._check(is_on=False)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(READY_WITHIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self) -> bool:
        assert self._process.poll() is None, "S3 ended"
        try:
            return httpx.get(f"{self.endpoint}/moto-api/data.json").is_success
        except httpx.TransportError:
            return False

    def _prepare(self) -> None:
        self._iam.create_user(UserName="blytz")
        key = self._iam.create_access_key(UserName="blytz")["AccessKey"]
        self.key_id, self.secret_key = str(key["AccessKeyId"]), str(key["SecretAccessKey"])
        self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        everybody = {**_statement("Allow", [EVERYTHING], "s3:GetObject"), "Principal": "*"}
        self._s3.put_bucket_policy(Bucket=BUCKET, Policy=_policy(everybody))
        self.refuse()

    @contextmanager
    def _unchecked(self) -> Iterator[None]:
        """The tests' own requests are signed by no key that it knows."""
        self._check(is_on=False)
        try:
            yield
        finally:
            self._check(is_on=True)

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
