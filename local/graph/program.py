"""The graph that the Pulumi program declares, captured by running the program with a provider of our own."""

import asyncio
import contextlib
import contextvars
import copy
import json
import logging
import os
import runpy
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, override

import pulumi
import yaml
from pulumi.runtime import mocks, rpc, set_all_config, set_mocks
from pulumi.runtime.settings import set_root_resource
from pulumi.runtime.stack import run_in_stack, wait_for_rpcs

from local.graph.outputs import Addresses, answer, kind_of, make, output_names

PROGRAM_LOGGER = "pulumi-program"  # carries messages of pulumi.warn and similar


class ProgramError(Exception):
    """The program stopped. The message is one line with the reason."""


@dataclass(frozen=True)
class Resource:
    """A declared resource: `kind` without API version, `inputs` as declared, `state` as the provider returned it.

    `adopts` is the id of the existing resource that it takes over unchanged, if any. `delete_timeout` is the longest
    that its deletion may take, such as 30m. `secret_outputs` are those that the state keeps encrypted.
    """

    kind: str
    name: str
    urn: str
    id: str
    inputs: Mapping[str, Any]
    state: Mapping[str, Any]
    depends_on: frozenset[str]
    adopts: str | None = None
    protect: bool = False
    delete_before_replace: bool = False
    delete_timeout: str = ""
    secret_outputs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Graph:
    """All resources in the order of their registration, and the stack's outputs."""

    resources: list[Resource]
    exports: Mapping[str, Any] = field(default_factory=dict)

    def of(self, kind: str) -> list[Resource]:
        """Return all resources of a kind such as `storage:StorageAccount`."""
        return [resource for resource in self.resources if resource.kind == kind]

    def one(self, kind: str) -> Resource:
        """Return the only resource of a kind. Raises ProgramError if there are none or several."""
        found = self.of(kind)
        if len(found) != 1:
            raise ProgramError(f"the program declares {len(found)} resources of kind {kind}; the local cloud needs one")
        return found[0]

    def by_id(self, resource_id: str) -> Resource:
        """Return the resource with an ARM id, whose case does not matter. Raises ProgramError."""
        for resource in self.resources:
            if resource.id.lower() == resource_id.lower():
                return resource
        raise ProgramError(f"the program names {resource_id}, which it does not declare")


@dataclass(frozen=True)
class Stack:
    """A stack's name and configuration: values of Pulumi.<name>.yaml, and defaults of Pulumi.yaml."""

    project: str
    name: str
    config: Mapping[str, str]

    def setting(self, key: str) -> str:
        """Return the project's setting `key`, or the empty string."""
        return self.config.get(f"{self.project}:{key}", "")


def read_stack(folder: Path, name: str, changes: Mapping[str, str]) -> Stack:
    """Read a stack's configuration. `changes` override it; their keys need no namespace for the project's own.

    Raises ProgramError if the stack or the setting does not exist, or if a setting is a secret.
    """
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    try:
        chosen = yaml.safe_load((folder / f"Pulumi.{name}.yaml").read_text()) or {}
    except FileNotFoundError:
        there = ", ".join(sorted(path.name.split(".")[1] for path in folder.glob("Pulumi.*.yaml")))
        raise ProgramError(f"there is no stack {name!r}; allowed: {there}") from None
    namespace = project["name"]
    declared = project.get("config", {})
    config = {
        f"{namespace}:{key}": _text(setting["default"]) for key, setting in declared.items() if "default" in setting
    }
    given = chosen.get("config") or {}
    secrets = {key for key, value in given.items() if isinstance(value, dict) and "secure" in value}
    config |= {key: _text(value) for key, value in given.items() if key not in secrets}
    for key, value in changes.items():
        space, _, own = key.rpartition(":")
        if space in ("", namespace) and own not in declared:
            raise ProgramError(f"there is no setting {own!r}; allowed: {', '.join(sorted(declared))}")
        config[f"{space or namespace}:{own}"] = value
    for key in sorted(secrets):
        space, _, own = key.partition(":")
        if space == namespace and own not in changes and key not in changes:
            raise ProgramError(
                f"{key} is a secret in Pulumi.{name}.yaml, which is not decrypted here; allowed: --config {own}=value"
            )
    return Stack(namespace, name, config)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class _Provider(mocks.Mocks):
    def __init__(self, tenant_id: str, deployer_id: str, addresses: Addresses, preview: bool) -> None:
        self._tenant_id, self._deployer_id, self._addresses = tenant_id, deployer_id, addresses
        self._preview = preview

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = _whole_numbers(args.inputs)
        if not args.typ.startswith(("azure-native:", "azuread:")):
            return (None, inputs) if self._preview else (args.name, inputs)
        if self._preview:  # Azure has returned nothing yet
            return None, {**inputs, **dict.fromkeys(output_names(args.typ, inputs), rpc.UNKNOWN)}
        made = make(args.typ, args.name, inputs, self._tenant_id, self._addresses)
        return made.id, made.state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        answered = answer(args.token, args.args, tenant_id=self._tenant_id, deployer_id=self._deployer_id)
        if args.token.endswith(":getResourceGroup"):
            answered["location"] = "local"
        return answered, []


class _Monitor(mocks.MockMonitor):
    def __init__(self, provider: mocks.Mocks) -> None:
        super().__init__(provider)
        self.registered: list[Resource] = []
        self.exports: dict[str, Any] = {}

    @override
    def RegisterResource(self, request: Any) -> Any:
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            made = self.resources[answer.urn]
            self.registered.append(
                Resource(
                    kind=kind_of(request.type),
                    name=request.name,
                    urn=answer.urn,
                    id=made.id,
                    inputs=_whole_numbers(rpc.deserialize_properties(request.object)),
                    state=made.state,
                    depends_on=frozenset(request.dependencies),
                    adopts=request.importId if request.retainOnDelete else None,
                    protect=request.protect,
                    delete_before_replace=request.deleteBeforeReplace,
                    delete_timeout=request.customTimeouts.delete,
                    secret_outputs=frozenset(request.additionalSecretOutputs),
                )
            )
        return answer

    @override
    def RegisterResourceOutputs(self, request: Any) -> Any:
        if "::pulumi:pulumi:Stack::" in request.urn:
            self.exports = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def run_program(
    folder: Path, stack: Stack, *, tenant_id: str, deployer_id: str, addresses: Addresses, preview: bool = False
) -> Graph:
    """Run the program in `folder` as `pulumi up` or `pulumi preview` does, with `addresses` in place of Azure's.

    Raises ProgramError with the program's message if it stops.
    """
    return contextvars.copy_context().run(
        _run, folder, stack, _Monitor(_Provider(tenant_id, deployer_id, addresses, preview)), preview
    )


def _run(folder: Path, stack: Stack, monitor: _Monitor, preview: bool) -> Graph:
    logger = logging.getLogger(PROGRAM_LOGGER)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # the first error is raised; others follow from it
    asyncio.set_event_loop(loop)
    try:
        set_mocks(
            monitor.mocks, stack.project, stack.name, preview, logger=logger, monitor=monitor, organization="local"
        )
        set_all_config(dict(stack.config))
        loop.run_until_complete(wait_for_rpcs())
        set_root_resource(None)  # type: ignore[arg-type]  # the one that set_mocks made takes no program
        with working_in(folder):
            loop.run_until_complete(run_in_stack(lambda: _execute(folder)))
        return Graph(monitor.registered, monitor.exports)
    except pulumi.RunError as error:
        raise ProgramError(str(error)) from None
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def _execute(folder: Path) -> None:
    pulumi.runtime.register_stack_transformation(_without_aliases)
    runpy.run_path(str(folder / "__main__.py"), run_name="__main__")


def _without_aliases(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Leave out former names and types, which take half the program's time and match no state here."""
    opts = copy.copy(args.opts)
    opts.aliases = None
    return pulumi.ResourceTransformationResult(args.props, opts)


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Make the program's folder the working directory and the first on the import path, as Pulumi does."""
    before = Path.cwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        os.chdir(before)
        sys.path.remove(str(folder))


def _whole_numbers(value: Any) -> Any:
    """Restore integers, since protocol buffers carry every number as a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return value
