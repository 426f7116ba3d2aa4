"""The stacks dev and ams as they are shipped. In a checkout their files may hold a user's own settings and secrets."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from local.graph.program import Stack, read_stack

PROGRAM = Path(__file__).parents[1]
_BOTH = {
    "azure-native:location": "westeurope",
    "face-redaction:protectData": False,
    "face-redaction:resultDays": 0,
}
SHIPPED = {
    "dev": {**_BOTH, "face-redaction:engine": "selfHosted"},
    "ams": {**_BOTH, "face-redaction:engine": "azure"},
}


def write_stacks(folder: Path) -> None:
    """Write Pulumi.yaml and the stacks' files."""
    shutil.copy(PROGRAM / "Pulumi.yaml", folder)
    for name, config in SHIPPED.items():
        (folder / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))


def shipped_stack(name: str, changes: Mapping[str, str]) -> Stack:
    """Return a stack's settings, with `changes` on top. Raises ProgramError as `read_stack` does."""
    with tempfile.TemporaryDirectory() as folder:
        write_stacks(Path(folder))
        return read_stack(Path(folder), name, changes)
