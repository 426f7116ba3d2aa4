"""A Functions host for one unpacked archive: a script for `python -I -S` that imports nothing of this project.

Only the archive's packages and the standard library can be imported, as on Azure. The script indexes
`function_app.py` by azure-functions' decorators, makes the Python worker's checks, and prints one line of JSON:

    {"port": 40123, "functions": [{"name": "redact_on_upload", "trigger": "eventGridTrigger", "schedule": null}],
     "error": null}

It then serves `POST /functions/NAME` on 127.0.0.1. The body is the trigger's data as JSON: an Event Grid event, a list
of events, or a timer's state. The answer is 200, or 500 with the exception's text. The starter fires timers. An
application that cannot be indexed has no functions, and `error` has the reason, which Azure does not show. Logs go to
standard error.
"""

import argparse
import asyncio
import importlib
import inspect
import json
import logging
import os
import sys
import threading
import typing
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

MODULE = "function_app"
LIMIT_BYTES = 1_048_576  # of an Event Grid request
log = logging.getLogger("function_host")


class IndexingError(Exception):
    """The application cannot be indexed. The message is one line with the reason."""


class Function:
    """One indexed function, with its trigger's parameter."""

    def __init__(self, declared: Any, registry: Any, folder: Path) -> None:
        self.name: str = declared.get_function_name()
        self._call: Callable[..., Any] = declared.get_user_function()
        self._folder = folder
        trigger = declared.get_trigger()
        if trigger is None:
            raise IndexingError(f"{self.name} has no trigger")
        self.trigger: str = trigger.type
        self._event_parameter: str = trigger.name
        self.schedule = self._resolved(trigger.get_dict_repr().get("schedule"))
        self._converter = registry.get(self.trigger)
        self._parameters = set(inspect.signature(self._call).parameters)
        bound = {binding["name"] for binding in declared.get_bindings_dict()["bindings"]}
        if unbound := self._parameters - bound - {"context"}:
            raise IndexingError(f"{self.name} has parameters without a binding: {', '.join(sorted(unbound))}")
        if missing := bound - self._parameters - {"$return"}:
            raise IndexingError(f"{self.name} has bindings without a parameter: {', '.join(sorted(missing))}")
        annotation = typing.get_type_hints(self._call).get(self._event_parameter)
        if annotation and not self._converter.check_input_type_annotation(annotation):
            raise IndexingError(
                f"{self.name}: {self._event_parameter} is annotated {annotation!r}, which {self.trigger} does not give"
            )

    def _resolved(self, schedule: str | None) -> str | None:
        """Return a timer's schedule, which may be a setting: `%NAME%`."""
        if schedule is None or not (schedule.startswith("%") and schedule.endswith("%")):
            return schedule
        if not (value := os.environ.get(schedule.strip("%"))):
            raise IndexingError(f"{self.name}: {schedule} does not resolve to the value of a setting")
        return value

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self._call)

    def invoke(self, event: dict[str, Any], meta: ModuleType) -> Any:
        """Call the function and return its result, a coroutine if it is asynchronous."""
        value = self._converter.decode(meta.Datum(json.dumps(event), "json"), trigger_metadata=None)
        arguments: dict[str, Any] = {self._event_parameter: value}
        if "context" in self._parameters:
            arguments["context"] = _context(self.name, self._folder)
        return self._call(**arguments)


class Application:
    """The archive's functions by name. If there are none, `error` has the reason."""

    def __init__(self, folder: Path) -> None:
        self.functions: dict[str, Function] = {}
        self.error: str | None = None
        self._threads = ThreadPoolExecutor(thread_name_prefix="function")
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        try:
            self._index(folder)
        except Exception as error:  # any error of the application's code
            log.exception("no functions: %s cannot be indexed", MODULE)
            self.error = f"{type(error).__name__}: {error}"

    def _index(self, folder: Path) -> None:
        module = importlib.import_module(MODULE)
        library = importlib.import_module("azure.functions")  # from the archive
        self._meta = importlib.import_module("azure.functions.meta")
        applications = [value for value in vars(module).values() if isinstance(value, library.FunctionApp)]
        if len(applications) != 1:
            raise IndexingError(f"{MODULE}.py has {len(applications)} FunctionApp objects at its top level, not one")
        registry = library.get_binding_registry()
        found = [Function(declared, registry, folder) for declared in applications[0].get_functions()]
        self.functions = {function.name: function for function in found}

    def run(self, function: Function, event: dict[str, Any]) -> None:
        """Run one invocation: asynchronous ones on one loop, others in a bounded pool, as the Python worker does."""
        log.info("executing %s for event %s", function.name, event.get("id"))
        if function.is_async:
            asyncio.run_coroutine_threadsafe(function.invoke(event, self._meta), self._loop).result()
        else:
            self._threads.submit(function.invoke, event, self._meta).result()


class Handler(BaseHTTPRequestHandler):
    application: Application
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        status, message = self._invoke()
        body = json.dumps({"message": message}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _invoke(self) -> tuple[HTTPStatus, str]:
        length = int(self.headers.get("Content-Length", 0))
        if length > LIMIT_BYTES:
            self.close_connection = True
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {LIMIT_BYTES} bytes"
        body = self.rfile.read(length)
        function = self.application.functions.get(self.path.removeprefix("/functions/"))
        if function is None:
            return HTTPStatus.NOT_FOUND, f"no such function: {self.path}"
        try:
            given = json.loads(body)
        except ValueError as error:
            return HTTPStatus.BAD_REQUEST, f"not JSON: {error}"
        events = given if isinstance(given, list) else [given]
        if not all(isinstance(event, dict) for event in events):
            return HTTPStatus.BAD_REQUEST, "an event is a JSON object"
        try:
            for event in events:
                self.application.run(function, event)
        except Exception as error:  # any error of the application's code
            log.exception("%s failed", function.name)
            return HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}"
        return HTTPStatus.OK, "executed"

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # for bursts of events; with the default of 5, connections would wait a second


def _context(name: str, folder: Path) -> Any:
    base = importlib.import_module("azure.functions").Context
    values = {
        "invocation_id": str(uuid.uuid4()),
        "function_name": name,
        "function_directory": str(folder),
        "thread_local_storage": threading.local(),
        "trace_context": None,
        "retry_context": None,
    }
    return type("Context", (base,), values)()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    folder = arguments.parse_args().folder.resolve()
    announce, sys.stdout = sys.stdout, sys.stderr  # the application's output must not mix with the announcement
    sys.path[:0] = [str(folder / ".python_packages/lib/site-packages"), str(folder)]
    os.chdir(folder)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    application = Application(folder)
    Handler.application = application
    with Server(("127.0.0.1", 0), Handler) as server:
        found = [
            {"name": name, "trigger": item.trigger, "schedule": item.schedule}
            for name, item in application.functions.items()
        ]
        print(
            json.dumps({"port": server.server_port, "functions": found, "error": application.error}),
            file=announce,
            flush=True,
        )
        server.serve_forever()


if __name__ == "__main__":
    main()
