"""The Event Grid custom topic for job events."""

import json
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

import httpx
from azure.core.credentials_async import AsyncTokenCredential

from mediaservice.model.job_events import Event

SCOPE = "https://eventgrid.azure.net/.default"
VERSION = {"api-version": "2018-01-01"}
TIMEOUT = httpx.Timeout(10.0)
BATCH_BYTES = 900_000  # Event Grid accepts 1 MB per request
REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


class EventsRefusedError(Exception):
    """The topic has refused the events for their content. The message is the topic's."""


class Topic:
    """A client of the topic, as a context manager."""

    def __init__(self, endpoint: str, credential: AsyncTokenCredential) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._client = httpx.AsyncClient(timeout=TIMEOUT)

    async def __aenter__(self) -> "Topic":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish events in order. After an error, some may have been accepted.

        Raises EventsRefusedError, httpx.HTTPError and azure.core's errors.
        """
        for batch in _batches([json.dumps(_rendered(event)) for event in events]):
            token = await self._credential.get_token(SCOPE)
            answer = await self._client.post(
                self._endpoint,
                params=VERSION,
                content=f"[{','.join(batch)}]",
                headers={"authorization": f"Bearer {token.token}", "content-type": "application/json"},
            )
            if answer.status_code in REFUSED:
                raise EventsRefusedError(f"{answer.status_code}: {answer.text[:500]}")
            answer.raise_for_status()


def _batches(events: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for event in events:
        if batch and size + len(event) > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += len(event) + 1
    yield batch


def _rendered(event: Event) -> dict[str, Any]:
    """Render Event Grid's own schema. The service adds `topic` and `metadataVersion`."""
    return {
        "id": event.id,
        "eventType": event.type,
        "subject": event.subject,
        "eventTime": event.time.isoformat(),
        "data": event.data,
        "dataVersion": "1.0",
    }
