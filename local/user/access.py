"""Access to a running cloud for other programs on this machine: the stack's outputs, and a login.

A folder holds them until the cloud's end: `outputs.json` in the form of `pulumi stack output --json`, and `login`,
shell variables that make azure-identity's DefaultAzureCredential the person at the keyboard.
"""

import json
import shlex
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cloud import Cloud


@contextmanager
def access(cloud: Cloud, trust: Path, folder: Path) -> Iterator[None]:
    """Keep both files in `folder`, readable by this user only. `trust` is the bundle of certificate authorities."""
    person = str(uuid.uuid4())
    cloud.entra.register(person, cloud.entra.developer_id)
    login = {
        "AZURE_CLIENT_ID": person,
        **cloud.entra.environment(person),
        **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(trust)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        folder / "outputs.json": json.dumps(dict(cloud.graph.exports), indent=2),
        folder / "login": "".join(f"export {name}={shlex.quote(value)}\n" for name, value in login.items()),
    }
    for file, text in files.items():
        file.touch(mode=0o600)
        file.write_text(text)
    try:
        yield
    finally:
        for file in files:
            file.unlink(missing_ok=True)
