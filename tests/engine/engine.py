"""The real engine, driven by the Automation API: its location, its runs and their messages."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from pulumi import automation
from pulumi.automation.events import EngineEvent, OpType
from pulumi.runtime.proto import language_pb2_grpc, provider_pb2_grpc

from local.graph.outputs import kind_of
from tests.engine.azure import Azure
from tests.engine.language_host import LanguageHost
from tests.engine.provider import AzureNative
from tests.stacks import write_stacks

VERSION = "3.274.0"
PROVIDERS = ("azure-native", "azuread")
PROGRAM = Path(__file__).parents[2]
# Variables of a developer's login or settings.
_KEPT_OUT = ("ARM_", "AZURE_", "IDENTITY_", "MSI_", "PULUMI_")


def find_engine() -> Path | None:
    """Return the folder of `pulumi` and its scripts: .ci/build-pulumi's result, else the installed one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "face-redaction" / f"pulumi-{VERSION}" / "bin"
    if (built / "pulumi").exists():
        return built
    installed = shutil.which("pulumi")
    return Path(installed).resolve().parent if installed else None


@dataclass(frozen=True)
class Step:
    """An operation of the engine on a resource, done or planned."""

    op: OpType
    kind: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def change(self) -> tuple[str, str, str]:
        return self.op.value, self.kind, self.name


@dataclass
class Run:
    """The engine's events of a run, in order."""

    steps: list[Step] = field(default_factory=list)  # as they begin
    done: list[Step] = field(default_factory=list)  # as they end
    said: list[tuple[str, str]] = field(default_factory=list)  # severity, message
    outputs: dict[str, Any] = field(default_factory=dict)

    def listen(self, event: EngineEvent) -> None:
        diagnostic = event.diagnostic_event
        if diagnostic and diagnostic.severity != "debug" and not diagnostic.ephemeral:
            self.said.append((diagnostic.severity, diagnostic.message.strip()))
        if event.resource_pre_event:
            self.steps.append(_step(event.resource_pre_event.metadata))
        if event.res_outputs_event:
            self.done.append(_step(event.res_outputs_event.metadata))

    @property
    def changes(self) -> set[tuple[str, str, str]]:
        """Return (op, kind, name) of all changes, except of Pulumi's own resources: providers, the stack."""
        return {each.change for each in self.steps if each.op != OpType.SAME and not each.kind.startswith("pulumi:")}

    def one(self, kind: str) -> Step:
        (step,) = (each for each in self.steps if each.kind == kind)
        return step


def _step(metadata: Any) -> Step:
    inputs = metadata.new.inputs if metadata.new else {}
    return Step(metadata.op, kind_of(metadata.type), metadata.urn.rsplit("::", 1)[-1], inputs or {})


class Engine:
    """Serves the substitutes to every `pulumi` that it starts. A context manager."""

    def __init__(self, folder: Path, azure: Azure, environment: Mapping[str, str]) -> None:
        self._command = automation.PulumiCommand(str(folder.parent))  # puts the folder on the PATH, too
        self._environment = {
            **{name: "" for name in os.environ if name.startswith(_KEPT_OUT)},
            **environment,
            "PULUMI_CONFIG_PASSPHRASE": "passphrase",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        self.host = LanguageHost(folder / "pulumi-language-python-exec", self._environment)
        self._servers: list[grpc.Server] = []
        attached = []
        for name in PROVIDERS:
            provider = AzureNative(azure, version(f"pulumi-{name}"))
            port = self._serve(provider_pb2_grpc.add_ResourceProviderServicer_to_server, provider)
            attached.append(f"{name}:{port}")
        self._environment["PULUMI_DEBUG_PROVIDERS"] = ",".join(attached)
        port = self._serve(language_pb2_grpc.add_LanguageRuntimeServicer_to_server, self.host)
        self._environment["PULUMI_DEBUG_LANGUAGES"] = f"python:{port}"

    def _serve(self, add: Callable[[Any, grpc.Server], None], servicer: Any) -> int:
        server = grpc.server(ThreadPoolExecutor(max_workers=32))
        add(servicer, server)
        self._servers.append(server)
        port: int = server.add_insecure_port("127.0.0.1:0")
        return port

    def __enter__(self) -> Self:
        for server in self._servers:
            server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.stop(grace=0).wait()

    def command(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the program's folder."""
        return subprocess.run(
            [self._command.command, *arguments],
            cwd=folder,
            env={**os.environ, **self._environment_in(folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    def stack(self, folder: Path, name: str) -> "Stack":
        """Return the stack `name` of the program in `folder`, which also keeps its state."""
        workspace = automation.LocalWorkspace(
            work_dir=str(folder), env_vars=self._environment_in(folder), pulumi_command=self._command
        )
        return Stack(automation.Stack.create_or_select(name, workspace))

    def _environment_in(self, folder: Path) -> dict[str, str]:
        state = folder / "state"
        state.mkdir(exist_ok=True)
        return {**self._environment, "PULUMI_BACKEND_URL": state.as_uri(), "PULUMI_HOME": str(folder / "home")}


class Stack:
    """One stack. Every operation runs the program again and may raise automation.CommandError.

    `last` holds the events of the latest one, also of a failed one.
    """

    def __init__(self, stack: automation.Stack) -> None:
        self._stack = stack
        self.last = Run()

    def preview(self, **options: Any) -> Run:
        return self._run(self._stack.preview, **options)

    def up(self, **options: Any) -> Run:
        return self._run(self._stack.up, **options)

    def refresh(self) -> Run:
        return self._run(self._stack.refresh)

    def destroy(self) -> Run:
        return self._run(self._stack.destroy, run_program=True)

    def kept(self) -> dict[str, tuple[Any, Any]]:
        """Return the stack's state: inputs and outputs of each resource by its URN."""
        resources = (self._stack.export_stack().deployment or {}).get("resources", [])
        return {each["urn"]: (each.get("inputs"), each.get("outputs")) for each in resources}

    def _run(self, operation: Callable[..., Any], **options: Any) -> Run:
        run = self.last = Run()
        result = operation(on_event=run.listen, color="never", suppress_progress=True, **options)
        if isinstance(result, automation.UpResult):
            run.outputs = {name: output.value for name, output in result.outputs.items()}
        return run


def copy_program(folder: Path) -> Path:
    """Copy the program into a checkout that tests may change."""
    folder.mkdir()
    (folder / ".venv").symlink_to(PROGRAM / ".venv")
    for name in ("function", "mediaservice", "redactor", "stack"):
        shutil.copytree(PROGRAM / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__main__.py", "Dockerfile", "LICENSE", "requirements.txt"):
        shutil.copy(PROGRAM / name, folder)
    write_stacks(folder)
    return folder
