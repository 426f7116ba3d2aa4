"""The deployment of the function's code: uploaded by the program's provider, unpacked as One Deploy does."""

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
# The login of the person at the keyboard must not be sent to a cloud other than Azure.
_LOGINS = ("ARM_", "AZURE_", "IDENTITY_", "MSI_")


def upload_packages(graph: Graph, program: Path, environment: Mapping[str, str]) -> None:
    """Run the program's `create` for every package that it uploads. `environment` is the deployer's login."""
    for resource in graph.resources:
        if resource.kind == _PACKAGE:
            provider = dill.loads(base64.b64decode(resource.inputs["__provider"]))  # noqa: S301  # made by the program
            with working_in(program), changed_environment(environment, without=_LOGINS):
                provider.create(dict(resource.inputs))


def take_package(graph: Graph, app_name: str, folder: Path, credential: TokenCredential) -> None:
    """Unpack the package that the graph deploys to the app into `folder`, read with the app's identity.

    Raises ProgramError if the graph deploys none.
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
