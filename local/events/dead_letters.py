"""Dead letters: undelivered events, one blob each, written by the topic's identity.

Source of names and fields: learn.microsoft.com "Set dead-letter location and retry policy".
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core.credentials import TokenCredential
from azure.storage.blob import BlobClient, ContentSettings

from local.events.ledger import Delivery


@dataclass(frozen=True)
class DeadLetterDestination:
    """The destination that a subscription declares: a storage account's ARM id and a container in it."""

    storage_id: str
    container: str

    @classmethod
    def declared(cls, inputs: Mapping[str, Any]) -> "DeadLetterDestination | None":
        """Read an event subscription's inputs. Return None if it has no dead-letter destination."""
        by_identity = inputs.get("deadLetterWithResourceIdentity") or {}
        destination = by_identity.get("deadLetterDestination") or inputs.get("deadLetterDestination")
        return cls(destination["resourceId"], destination["blobContainerName"]) if destination else None


@dataclass(frozen=True)
class DeadLetters:
    """A blob container for dead letters. `endpoint` is its account's blob endpoint."""

    endpoint: str
    container: str
    credential: TokenCredential

    def write(self, delivery: Delivery) -> str:
        """Write a dead letter and return the blob's name. Raises azure.core's AzureError."""
        now = datetime.now(UTC)
        # Month, day and hour are not padded.
        name = f"{delivery.subscription.upper()}/{now.year}/{now.month}/{now.day}/{now.hour}/{uuid.uuid4()}.json"
        assert delivery.given_up
        letter = delivery.event | {
            "deadLetterReason": delivery.given_up,
            "deliveryAttempts": delivery.attempts,
            "lastDeliveryOutcome": delivery.outcome,
            "lastHttpStatusCode": delivery.status,
            "publishTime": timestamp(delivery.published),
            "lastDeliveryAttemptTime": timestamp(delivery.attempted or delivery.published),
        }
        with BlobClient(self.endpoint, self.container, name, credential=self.credential) as blob:
            blob.upload_blob(json.dumps([letter]), content_settings=ContentSettings(content_type="application/json"))
        return name


def timestamp(seconds: float) -> str:
    """Format as ISO 8601 in UTC, with seven decimals as Azure does."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
