"""Spans and metrics of the service, independent of where they are sent.

They are sent only within `sent`, so that OpenTelemetry and an exporter are not loaded without need. Log lines use
`logging`.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

# Variables that keep the exporter from reporting on itself to Microsoft, from requesting its configuration, and from
# describing this process with every batch.
OWN = (
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
)

type Attributes = Mapping[str, str | int | float]


class Aggregation(Enum):
    """The aggregation of a metric's values."""

    DISTRIBUTION = auto()
    LATEST = auto()
    SUM = auto()


@dataclass(frozen=True)
class Metric:
    """A metric. `unit` follows the Unified Code for Units of Measure, as OpenTelemetry requires."""

    name: str
    unit: str
    description: str
    aggregation: Aggregation = Aggregation.DISTRIBUTION


SUBMIT_SECONDS = Metric("media.job.submit.duration", "s", "From a job's request until it is accepted")
WAIT_SECONDS = Metric("media.job.wait.duration", "s", "From a job's acceptance until a worker takes it first")
SPEED = Metric("media.redaction.speed", "{frame}/s", "Frames that the engine processes per second, for each output")
ENDED = Metric("media.jobs.ended", "{job}", "Jobs that ended, by their state", Aggregation.SUM)
UNFINISHED = Metric("media.jobs.unfinished", "{job}", "Jobs that have not ended, by their state", Aggregation.LATEST)
QUEUE_LENGTH = Metric("media.queue.length", "{message}", "Messages of the queue, with leased ones", Aggregation.LATEST)
QUEUE_SECONDS = Metric("media.queue.age", "s", "Wait of the oldest queued job", Aggregation.LATEST)


class Kind(Enum):
    """The kind of a span."""

    REQUEST = auto()
    MESSAGE = auto()
    PART = auto()


class Span(Protocol):
    """A timed operation, until the end of its `with`. An exception marks it as failed."""

    def name(self, name: str) -> None: ...

    def add(self, **attributes: str | int | float) -> None: ...

    def fail(self) -> None: ...


class Telemetry(Protocol):
    def record(self, metric: Metric, value: float, attributes: Attributes) -> None: ...

    def span(
        self, name: str, kind: Kind, attributes: Attributes, headers: Mapping[str, str]
    ) -> AbstractContextManager[Span]: ...


class _NoSpan:
    def name(self, name: str) -> None:
        pass

    def add(self, **attributes: str | int | float) -> None:
        pass

    def fail(self) -> None:
        pass


_NO_SPAN = _NoSpan()
_listener: Telemetry | None = None


def use(telemetry: Telemetry | None) -> None:
    """Report to `telemetry` from now on."""
    global _listener  # noqa: PLW0603  # one for the process, as for logs
    _listener = telemetry


def record(metric: Metric, value: float, **attributes: str | int | float) -> None:
    if _listener:
        _listener.record(metric, value, attributes)


def span(
    name: str, kind: Kind = Kind.PART, headers: Mapping[str, str] | None = None, **attributes: str | int | float
) -> AbstractContextManager[Span]:
    """Begin a span within the current one. A request's continues the trace in its `headers` (W3C Trace Context)."""
    return _listener.span(name, kind, attributes, headers or {}) if _listener else nullcontext(_NO_SPAN)


@contextmanager
def sent(connection_string: str | None, client_id: str, role: str) -> Iterator[None]:
    """Send all telemetry to Application Insights until the end of the `with`, if it is configured.

    `role` identifies the process. It authenticates as the managed identity `client_id`.
    """
    if not connection_string:
        yield
        return
    for own in OWN:
        os.environ.setdefault(own, "true")
    from mediaservice.telemetry.azure_monitor import sending

    with sending(connection_string, client_id, role):
        yield
