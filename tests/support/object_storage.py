"""SeaweedFS as object storage on the loopback interface."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from support.commands import run_ok, skip_or_fail
from support.http import Client, Response
from support.site import free_port, until


@dataclass
class Bucket:
    """An empty bucket of a running SeaweedFS."""

    endpoint: str
    process: subprocess.Popen = field(repr=False)
    name: str = "site"
    access_key: str = "of-tests"
    secret_key: str = "hush-hush-of-tests"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the site."""
        return {
            "MEDIA_BUCKET": self.name,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    @property
    def rclone(self) -> dict[str, str]:
        """The variables of rclone, for the remote `bucket:`, as on docs/growth.md."""
        return {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_BUCKET_TYPE": "s3",
            "RCLONE_CONFIG_BUCKET_PROVIDER": "Other",
            "RCLONE_CONFIG_BUCKET_ENDPOINT": self.endpoint,
            "RCLONE_CONFIG_BUCKET_REGION": "us-east-1",
            "RCLONE_CONFIG_BUCKET_ACCESS_KEY_ID": self.access_key,
            "RCLONE_CONFIG_BUCKET_SECRET_ACCESS_KEY": self.secret_key,
            "RCLONE_CONFIG_BUCKET_NO_CHECK_BUCKET": "true",
        }


def program(name: str) -> str:
    """Return a program of the dependency group `growth`."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return found or skip_or_fail(f"{name} is not installed: run `make test-growth`")


def fetch(url: str) -> Response:
    """Request a URL of the bucket, as a browser without an account."""
    parts = urlsplit(url)
    address = parts.hostname, parts.port
    client = Client(parts.netloc, lambda: socket.create_connection(address, 60))
    return client.get(parts._replace(scheme="", netloc="").geturl())


@contextmanager
def seaweedfs(address: str = "127.0.0.1"):
    """Run SeaweedFS with an empty bucket that only signed requests can read, until the end."""
    weed, directory = program("weed"), Path(tempfile.mkdtemp(prefix="weed-"))
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    keys = [{"accessKey": Bucket.access_key, "secretKey": Bucket.secret_key}]
    identity = {"name": "site", "credentials": keys, "actions": actions}
    (directory / "s3.json").write_text(json.dumps({"identities": [identity]}))
    master, volume, filer, s3, *grpc = (free_port() for _ in range(8))
    options = {
        **{"ip": address, "ip.bind": address, "dir": directory, "volume.max": 100},
        **{"master.port": master, "volume.port": volume, "filer.port": filer, "s3.port": s3},
        **{"master.port.grpc": grpc[0], "volume.port.grpc": grpc[1], "filer.port.grpc": grpc[2]},
        **{"s3.port.grpc": grpc[3], "s3.port.iceberg": 0, "s3.port.lance": 0},
        **{"s3.config": directory / "s3.json", "master.volumeSizeLimitMB": 64},
        # It reports its use to its authors otherwise.
        **{"master.telemetry": "false"},
    }
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [
                weed,
                "-logtostderr",
                "server",
                "-s3",
                *(f"-{name}={value}" for name, value in options.items()),
            ],
            stdout=log,
            stderr=log,
        )
    bucket = Bucket(f"http://{address}:{s3}", process)
    try:
        until(lambda: socket.create_connection((address, s3)).close() is None, process, 60)
        command = [program("rclone"), "mkdir", "--retries", "20", "--retries-sleep", "1s"]
        environment = bucket.rclone | {"RCLONE_CONFIG_BUCKET_NO_CHECK_BUCKET": "false"}
        run_ok(*command, f"bucket:{bucket.name}", cwd=directory, **environment)
        yield bucket
    finally:
        process.kill()  # SIGTERM takes 25 seconds
        process.wait()
        shutil.rmtree(directory)
