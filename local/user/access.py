"""Access to a running cloud for other programs on this machine: the stack's outputs, and a login.

A folder holds them until the cloud's end: `outputs.json` in the form of `pulumi stack output --json`, and `login`,
shell variables that make azure-identity's DefaultAzureCredential the person at the keyboard.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.cloud import Cloud
from local.services.authority import ADFS


@contextmanager
def access(cloud: Cloud, trust: Path, folder: Path) -> Iterator[Mapping[str, str]]:
    """Keep both files in `folder`, readable by this user only. `trust` is the bundle of certificate authorities."""
    login = _login(cloud, trust)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        folder / "outputs.json": json.dumps(dict(cloud.graph.exports), indent=2),
        folder / "login": exported(login),
    }
    for file, text in files.items():
        file.touch(mode=0o600)
        file.write_text(text)
    try:
        yield login
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def exported(variables: Mapping[str, str]) -> str:
    """Lines for a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _login(cloud: Cloud, trust: Path) -> dict[str, str]:
    application, exports = cloud.entra.application(cloud.entra.developer_id), cloud.graph.exports
    pages = cloud.options.pages
    page = {"PAGE_CLIENT_ID": cloud.entra.page(pages).client_id} if pages else {}
    settings = cloud.media.api_environment
    return {
        "AZURE_AUTHORITY_HOST": cloud.entra.authority,
        "AZURE_TENANT_ID": ADFS,
        "AZURE_CLIENT_ID": application.client_id,
        "AZURE_CLIENT_SECRET": application.secret,
        "AZURE_SUBSCRIPTION_ID": settings["MEDIA_SUBSCRIPTION_ID"],
        "AZURE_RESOURCE_GROUP": cloud.media.resource_group,
        "MEDIA_ENDPOINT": cloud.media_url,
        "MEDIA_AUDIENCE": cloud.media.audience,
        "MEDIA_ACCOUNT": cloud.media.account,
        "MEDIA_TRANSFORM": str(exports["transform"]),
        "UPLOAD_TO": str(exports["uploadTo"]),
        "RESULTS_IN": str(exports["resultsIn"]),
        **page,
        **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), str(trust)),
    }
