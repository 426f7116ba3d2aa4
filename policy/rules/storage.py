"""Storage accounts accept Entra tokens only, and no blob is public."""

from collections.abc import Iterator

from policy.rules.rule import UNKNOWN, Declared, Rule


def _shared_keys(resource: Declared) -> Iterator[str]:
    # an account accepts keys by default
    if resource.kind == "storage:StorageAccount" and resource.at("allowSharedKeyAccess") not in {False, UNKNOWN}:
        yield "set allowSharedKeyAccess to False and grant data roles on the account"


def _public_blobs(resource: Declared) -> Iterator[str]:
    if resource.kind == "storage:StorageAccount" and resource.at("allowBlobPublicAccess") not in {False, UNKNOWN}:
        yield "set allowBlobPublicAccess to False"
    if resource.kind == "storage:BlobContainer" and resource.at("publicAccess") not in {None, "None", UNKNOWN}:
        yield "set publicAccess to None"


NO_SHARED_KEYS = Rule("no-shared-keys", "Storage accounts accept Entra tokens only, no shared keys.", _shared_keys)
NO_PUBLIC_BLOBS = Rule("no-public-blobs", "No blob can be read without a token.", _public_blobs)
