"""The deployment of the function's code: uploaded by the program's provider, taken as One Deploy does."""

import base64
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import dill
import httpx

from local.graph.program import Graph, ProgramError, working_in
from local.host.environment import changed_environment

_PACKAGE = "pulumi-python:dynamic/release:UploadedPackage"
# The login of the person at the keyboard must not be sent to a cloud other than Azure.
_LOGINS = ("ARM_", "AZURE_", "IDENTITY_", "MSI_")


def upload_packages(graph: Graph, program: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Run the program's `create` for every package that it uploads. `environment` is the deployer's login.

    Returns each package's signed link by its hash.
    """
    links: dict[str, str] = {}
    for resource in graph.resources:
        if resource.kind == _PACKAGE:
            provider = dill.loads(base64.b64decode(resource.inputs["__provider"]))  # noqa: S301  # made by the program
            with working_in(program), changed_environment(environment, without=_LOGINS):
                created = provider.create(dict(resource.inputs))
            assert created.outs
            links[created.outs["sha256"]] = created.outs["link"]
    return links


def take_package(graph: Graph, app_name: str, folder: Path, links: Mapping[str, str]) -> None:
    """Unpack the package that the graph deploys to the app into `folder`, fetched by its link alone.

    Raises ProgramError if the graph deploys none, and httpx.HTTPError.
    """
    for deployment in graph.of("resources:Deployment"):
        properties: dict[str, Any] = deployment.inputs["properties"]
        parameters = {name: given["value"] for name, given in properties["parameters"].items() if "value" in given}
        if parameters["app"] == app_name:
            package = httpx.get(links[parameters["packageSha256"]], timeout=60).raise_for_status().content
            with zipfile.ZipFile(BytesIO(package)) as archive:
                archive.extractall(folder)
            return
    raise ProgramError(f"the program deploys no code to {app_name}")
