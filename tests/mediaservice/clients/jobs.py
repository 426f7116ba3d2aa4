"""A client of one version of azure-mgmt-media: assets, jobs, lists, cancellation. Reads its settings from variables."""

import importlib
import os
import sys
import time
from importlib.metadata import version
from typing import Any, NamedTuple

from azure.mgmt.media import AzureMediaServices
from azure.mgmt.media.models import (
    Asset,
    FaceDetectorPreset,
    Job,
    JobInputHttp,
    JobOutputAsset,
    Transform,
    TransformOutput,
)

OF_MSREST = int(version("azure-mgmt-media").partition(".")[0]) <= 3  # an older generation of clients
URL = "https://lake1.blob.core.windows.net/raw/party.mp4"


class Token(NamedTuple):
    token: str
    expires_on: int


class Credential:
    def get_token(self, *_scopes: str, **_options: object) -> Token:
        return Token(os.environ["TOKEN"], int(time.time()) + 3600)


def connected() -> Any:
    subscription, endpoint = os.environ["SUBSCRIPTION"], os.environ["ENDPOINT"]
    client: Any = AzureMediaServices  # whose versions have different signatures
    if not OF_MSREST:
        return client(Credential(), subscription, base_url=endpoint, credential_scopes=["any"])
    bearer = importlib.import_module("msrest.authentication").BasicTokenAuthentication
    return client(bearer({"access_token": os.environ["TOKEN"]}), subscription, base_url=endpoint)


def main() -> None:
    name, at = os.environ["NAME"], (os.environ["GROUP"], os.environ["ACCOUNT"])
    client = connected()
    client.assets.create_or_update(*at, name, Asset(description="made by a client"))
    preset = FaceDetectorPreset(mode="Combined")
    outputs = [TransformOutput(preset=preset)]
    client.transforms.create_or_update(*at, name, outputs if OF_MSREST else Transform(outputs=outputs))
    for number in range(3):
        job = Job(input=JobInputHttp(files=[URL]), outputs=[JobOutputAsset(asset_name=name)])
        made = client.jobs.create(*at, name, f"{name}-{number}", job)
        assert (str(made.state), made.system_data.created_by_type) == ("Queued", "Application"), made
    assert client.jobs.get(*at, name, f"{name}-1").outputs[0].asset_name == name
    assert [job.name for job in client.jobs.list(*at, name)] == [f"{name}-{number}" for number in (2, 1, 0)]
    client.jobs.cancel_job(*at, name, f"{name}-0")
    canceled = client.jobs.list(*at, name, filter="properties/state eq Microsoft.Media.JobState'Canceled'")
    assert [job.name for job in canceled] == [f"{name}-0"]
    for number in range(3):
        client.jobs.cancel_job(*at, name, f"{name}-{number}")
        client.jobs.delete(*at, name, f"{name}-{number}")
    assert list(client.jobs.list(*at, name)) == []
    sys.stdout.write("done\n")


main()
