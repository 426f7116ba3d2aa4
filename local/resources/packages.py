"""The function's code on its way into the app: uploaded by the program's own provider, taken as One Deploy would."""

import base64
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import dill
from azure.core.credentials import TokenCredential
from azure.storage.blob import BlobClient

from local.graph.program import Graph, ProgramError, working_in
from local.host.environment import changed_environment

_PACKAGE = "pulumi-python:dynamic/release:UploadedPackage"
# A login of the person at the keyboard, which must not be used for a cloud that is not Azure.
_LOGINS = ("ARM_", "AZURE_", "IDENTITY_", "MSI_")


def upload_packages(graph: Graph, program: Path, environment: Mapping[str, str]) -> None:
    """Run the program's own `create` of every package that it uploads; `environment` is the deployer's login."""
    for resource in graph.resources:
        if resource.kind == _PACKAGE:
            provider = dill.loads(base64.b64decode(resource.inputs["__provider"]))  # noqa: S301  # made by the program
            with working_in(program), changed_environment(environment, without=_LOGINS):
                provider.create(dict(resource.inputs))


def take_package(graph: Graph, app_name: str, folder: Path, credential: TokenCredential) -> None:
    """Unpack into `folder` what the graph deploys to the app by One Deploy, read by the app's own identity.

    Raises ProgramError when the graph deploys nothing to it.
    """
    for deployment in graph.of("resources:Deployment"):
        properties: dict[str, Any] = deployment.inputs["properties"]
        parameters = {name: given["value"] for name, given in properties["parameters"].items()}
        if parameters["app"] == app_name:
            with BlobClient.from_blob_url(parameters["packageUri"], credential=credential) as blob:
                package = BytesIO(blob.download_blob().readall())
            with zipfile.ZipFile(package) as archive:
                archive.extractall(folder)
            return
    raise ProgramError(f"the program deploys no code to {app_name}")
