"""The Function App: submits a face redaction job for each video uploaded to the lake, even if its event is lost."""

import os
import threading
from functools import cache

import azure.functions as func

from trigger import logs, settings
from trigger.reconciliation import Reconciliation
from trigger.submission import Submission

app = func.FunctionApp()
logs.mask_signatures()
_first_event = threading.Lock()


@cache
def _submission() -> Submission:
    return Submission.from_settings(settings.read(os.environ))


@app.function_name("redact_on_upload")
@app.event_grid_trigger(arg_name="event")
def redact_on_upload(event: func.EventGridEvent) -> None:
    """Handle an event. Raises if Event Grid should deliver it again."""
    with _first_event:  # shared by the worker's threads
        submission = _submission()
    submission.handle(event)


@app.function_name("reconcile_uploads")
@app.timer_trigger(arg_name="timer", schedule="%RECONCILE_SCHEDULE%")
def reconcile_uploads(timer: func.TimerRequest) -> None:  # noqa: ARG001 — the host's
    """Submit uploads that no event has announced."""
    Reconciliation.from_settings(settings.read(os.environ)).run()
