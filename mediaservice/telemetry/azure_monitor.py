"""Telemetry sent to Application Insights by Microsoft's exporter, with the process's managed identity.

Libraries are not instrumented, since their spans would contain addresses with signatures.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from azure.identity import ManagedIdentityCredential
from azure.monitor.opentelemetry.exporter import (
    AzureMonitorLogExporter,
    AzureMonitorMetricExporter,
    AzureMonitorTraceExporter,
)
from opentelemetry import propagate, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from mediaservice import telemetry
from mediaservice.logs import fields, masked
from mediaservice.telemetry import Aggregation, Attributes, Kind, Metric
from redactor.version import __version__

SCOPE = "mediaservice"
CLOSING_SECONDS = 5.0  # an idle worker does not stay for the sake of telemetry
# Requests are spans already. Lines about sending must not be sent, or that would never end.
UNSENT = ("mediaservice.access", "azure", "opentelemetry")
SPAN_KINDS = {
    Kind.REQUEST: trace.SpanKind.SERVER,
    Kind.MESSAGE: trace.SpanKind.CONSUMER,
    Kind.PART: trace.SpanKind.INTERNAL,
}


@contextlib.contextmanager
def sending(connection_string: str, client_id: str, role: str) -> Iterator[None]:
    """Send until the end of the `with`, as the role `role`. The rest is then given CLOSING_SECONDS."""
    with ManagedIdentityCredential(client_id=client_id) as credential:
        options: dict[str, Any] = {
            "connection_string": connection_string,
            "credential": credential,
            "disable_offline_storage": True,
        }
        resource = Resource.create({"service.namespace": SCOPE, "service.name": role, "service.version": __version__})
        spans = TracerProvider(resource=resource, shutdown_on_exit=False)
        spans.add_span_processor(BatchSpanProcessor(AzureMonitorTraceExporter(**options)))
        reader = PeriodicExportingMetricReader(AzureMonitorMetricExporter(**options))
        metrics = MeterProvider([reader], resource, shutdown_on_exit=False)
        lines = LoggerProvider(resource, shutdown_on_exit=False)
        lines.add_log_record_processor(BatchLogRecordProcessor(AzureMonitorLogExporter(**options)))
        handler = _Lines(lines)
        logging.getLogger().addHandler(handler)
        telemetry.use(_Sender(spans, metrics))
        try:
            yield
        finally:
            telemetry.use(None)
            logging.getLogger().removeHandler(handler)
            closing = [threading.Thread(target=provider.shutdown, daemon=True) for provider in (spans, lines, metrics)]
            for each in closing:
                each.start()
            deadline = time.monotonic() + CLOSING_SECONDS
            for each in closing:
                each.join(max(0.0, deadline - time.monotonic()))


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def add(self, **attributes: str | int | float) -> None:
        self._span.set_attributes(_masked(attributes))

    def fail(self) -> None:
        self._span.set_status(trace.StatusCode.ERROR)


class _Sender:
    def __init__(self, spans: TracerProvider, metrics: MeterProvider) -> None:
        self._tracer = spans.get_tracer(SCOPE)
        self._meter = metrics.get_meter(SCOPE)
        self._instruments: dict[Metric, Callable[[float, Attributes], None]] = {}

    def record(self, metric: Metric, value: float, attributes: Attributes) -> None:
        if metric not in self._instruments:
            self._instruments[metric] = self._instrument(metric)
        self._instruments[metric](value, attributes)

    def _instrument(self, metric: Metric) -> Callable[[float, Attributes], None]:
        about = (metric.name, metric.unit, metric.description)
        match metric.aggregation:
            case Aggregation.DISTRIBUTION:
                return self._meter.create_histogram(*about).record
            case Aggregation.LATEST:
                return self._meter.create_gauge(*about).set
            case Aggregation.SUM:
                return self._meter.create_counter(*about).add

    @contextlib.contextmanager
    def span(self, name: str, kind: Kind, attributes: Attributes, headers: Mapping[str, str]) -> Iterator[_Span]:
        with self._tracer.start_as_current_span(
            name,
            context=propagate.extract(headers) if headers else None,
            kind=SPAN_KINDS[kind],
            attributes=_masked(attributes),
            # A log line reports the exception, with the signatures in its message masked.
            record_exception=False,
            set_status_on_exception=False,
        ) as current:
            begun = _Span(current)
            try:
                yield begun
            except BaseException:
                begun.fail()
                raise


def _masked(attributes: Attributes) -> Attributes:
    """Mask names in a request's path, which a client may have given addresses by mistake."""
    return {name: masked(value) if isinstance(value, str) else value for name, value in attributes.items()}


class _Lines(logging.Handler):
    """Sends log lines with the fields of `extra` and their trace. Signatures are masked."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__(logging.INFO)
        self._provider = provider

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(UNSENT):
            return
        line = LogRecord(
            timestamp=int(record.created * 1e9),
            severity_text=record.levelname,
            severity_number=_severity(record.levelno),
            body=masked(record.getMessage()),
            attributes={name: masked(str(value)) for name, value in fields(record).items()},
        )
        self._provider.get_logger(record.name).emit(line)


def _severity(level: int) -> SeverityNumber:
    if level >= logging.ERROR:
        return SeverityNumber.ERROR
    return SeverityNumber.WARN if level >= logging.WARNING else SeverityNumber.INFO
