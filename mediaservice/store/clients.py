"""How this process reaches Azure Storage: its managed identity, time limits and retries."""

from typing import Any

from azure.identity.aio import ManagedIdentityCredential

from mediaservice.settings import Storage

# A dead connection is noticed in seconds and a request tried for about ten, within a caller's own patience.
LIMITS: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 30, "retry_total": 4}
BLOBS_AND_QUEUES: dict[str, Any] = {**LIMITS, "initial_backoff": 1, "increment_base": 2}
TABLES: dict[str, Any] = {**LIMITS, "retry_backoff_factor": 0.2}


def credential(storage: Storage) -> ManagedIdentityCredential:
    return ManagedIdentityCredential(client_id=storage.client_id)
