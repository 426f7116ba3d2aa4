"""Software bills of materials of what is deployed, in CycloneDX: the packages of a lock file, and an image's base.

A bill depends on its inputs alone, so an `up` without changes shows none: its serial number follows from the content,
and it has no time.
"""

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_BASE = re.compile(r"^FROM (\S+?)/([\w.-]+):([\w.-]+)@sha256:([0-9a-f]{64})", re.MULTILINE)
_VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Deployed:
    """A deployed artifact: its `sha256`, the lock file of its packages, and an image's Dockerfile."""

    name: str
    sha256: str
    lock: Path
    dockerfile: Path | None = None


def bill_of_materials(deployed: Deployed, cache: Path) -> str:
    """Return the bill as CycloneDX 1.6 in JSON. `cache` keeps it by content, since the library loads slowly."""
    version = _VERSION.search(Path("redactor/version.py").read_text())
    assert version
    inputs = [deployed.name, deployed.sha256, version[1], deployed.lock.read_text(), Path(__file__).read_text()]
    if deployed.dockerfile:
        inputs.append(deployed.dockerfile.read_text())
    digest = hashlib.sha256("\n".join(inputs).encode()).hexdigest()
    kept = cache / f"{digest[:24]}.json"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(f".{uuid.uuid4().hex}")
        unfinished.write_text(_bill(deployed, version[1]))
        unfinished.replace(kept)
    return kept.read_text()


def _bill(deployed: Deployed, version: str) -> str:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    root = Component(
        name=deployed.name,
        version=version,
        type=ComponentType.CONTAINER if deployed.dockerfile else ComponentType.APPLICATION,
        bom_ref=deployed.name,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=deployed.sha256)],
    )
    parts = []
    for name, pinned in _PIN.findall(deployed.lock.read_text()):
        url = PackageURL("pypi", name=name.lower().replace("_", "-"), version=pinned)
        parts.append(Component(name=name, version=pinned, purl=url, bom_ref=str(url)))
    for registry, name, tag, digest in _BASE.findall(deployed.dockerfile.read_text() if deployed.dockerfile else ""):
        qualifiers = {"repository_url": f"{registry}/{name}", "tag": tag}
        url = PackageURL("oci", name=name, version=f"sha256:{digest}", qualifiers=qualifiers)
        content = [HashType(alg=HashAlgorithm.SHA_256, content=digest)]
        parts.append(
            Component(name=name, version=tag, type=ComponentType.CONTAINER, purl=url, bom_ref=str(url), hashes=content)
        )
    named = "\n".join([deployed.name, version, deployed.sha256, *sorted(part.bom_ref.value or "" for part in parts)])
    bill = Bom(
        components=parts,
        metadata=BomMetaData(component=root),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, named),
    )
    bill.register_dependency(root, parts)
    document = json.loads(JsonV1Dot6(bill).output_as_string())
    del document["metadata"]["timestamp"]
    return json.dumps(document, separators=(",", ":"))
