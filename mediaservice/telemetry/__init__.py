"""What the service tells of itself: spans and measurements, for whoever wants to send them somewhere.

Nobody does outside `sent`, so that neither OpenTelemetry nor an exporter is loaded where none is wanted. Log lines are
told by `logging`, as anywhere.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

# Variables by which the exporter is kept from telling Microsoft of itself, from asking how it should behave, and from
# describing this process with every batch.
OWN = (
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
)

type Attributes = Mapping[str, str | int | float]


class Form(Enum):
    """How a metric's values are put together."""

    DISTRIBUTION = auto()
    LATEST = auto()
    SUM = auto()


@dataclass(frozen=True)
class Metric:
    """`unit` by the Unified Code for Units of Measure, as OpenTelemetry wants it."""

    name: str
    unit: str
    description: str
    form: Form = Form.DISTRIBUTION


SUBMIT_SECONDS = Metric("media.job.submit.duration", "s", "From a job's request until it is accepted")
WAIT_SECONDS = Metric("media.job.wait.duration", "s", "From a job's acceptance until a worker takes it first")
SPEED = Metric("media.redaction.speed", "{frame}/s", "Frames that the engine does a second, of each output")
ENDED = Metric("media.jobs.ended", "{job}", "Jobs that ended, by their state", Form.SUM)
UNFINISHED = Metric("media.jobs.unfinished", "{job}", "Jobs that have not ended, by their state", Form.LATEST)
QUEUE_LENGTH = Metric("media.queue.length", "{message}", "Messages of the queue, leased ones included", Form.LATEST)
QUEUE_SECONDS = Metric("media.queue.age", "s", "For how long the oldest queued job has waited", Form.LATEST)


class Kind(Enum):
    """What a span is."""

    REQUEST = auto()
    MESSAGE = auto()
    PART = auto()


class Span(Protocol):
    """Something that takes time, until the end of its `with`; an exception that leaves it makes it a failure."""

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
    """Tell `telemetry` from now on."""
    global _listener  # noqa: PLW0603  # one for the process, as for logs
    _listener = telemetry


def record(metric: Metric, value: float, **attributes: str | int | float) -> None:
    if _listener:
        _listener.record(metric, value, attributes)


def span(
    name: str, kind: Kind = Kind.PART, headers: Mapping[str, str] | None = None, **attributes: str | int | float
) -> AbstractContextManager[Span]:
    """Part of the span around it; a request's goes on with the trace that its `headers` name (W3C Trace Context)."""
    return _listener.span(name, kind, attributes, headers or {}) if _listener else nullcontext(_NO_SPAN)


@contextmanager
def sent(connection_string: str | None, client_id: str, role: str) -> Iterator[None]:
    """Send everything to an Application Insights until the end of the `with`, if there is one.

    The process is then told apart by its `role`, and logs in as the managed identity `client_id`.
    """
    if not connection_string:
        yield
        return
    for own in OWN:
        os.environ.setdefault(own, "true")
    from mediaservice.telemetry.azure_monitor import sending

    with sending(connection_string, client_id, role):
        yield
