"""Checks declared resources against the provider's SDK: class, properties, required inputs, enums.

Pulumi's mocks accept anything, and a preview drops unknown keys. The SDK is generated from Azure's specifications and
is therefore stricter than both.
"""

import enum
import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any

import pulumi
from pulumi._types import input_type_py_to_pulumi_names, is_input_type
from pulumi.output import Unknown

from local.graph.program import Resource
from policy.rules.flex import FLEX_CONSUMPTION
from policy.rules.rule import Declared, kind_of

_EXPLICIT_VERSION = re.compile(r"\w+/v\d{8}(preview)?")
_CONSTANT = re.compile(r"Expected value is '(.+?)'")


class UnknownTypeError(Exception):
    """A resource's type that the SDK does not have."""


def token_of(resource: Resource) -> str:
    """Return the resource's type with its API version, such as `azure-native:storage/v20240101:StorageAccount`."""
    return resource.urn.split("::")[2].rsplit("$", 1)[-1]


def is_providers(token: str) -> bool:
    """Return True if a cloud's provider creates it, rather than this program (components, dynamic resources)."""
    return token.startswith(("azure-native:", "azuread:"))


def departures(token: str, inputs: Mapping[str, Any]) -> list[str]:
    """Return a resource's departures from its class in the SDK, each as `path: problem`."""
    try:
        found = list(_of_class(args_class(token), inputs, ""))
    except UnknownTypeError as error:
        return [str(error)]
    # what the SDK's class has and one plan of Azure's refuses
    return found + list(FLEX_CONSUMPTION.breaches(Declared(kind_of(token) or token, inputs)))


def args_class(token: str) -> type:
    """Return the SDK's class of a resource's arguments. Raises UnknownTypeError, also for a default API version."""
    package, module, name = token.split(":")
    path = f"pulumi_{package.replace('-', '_')}"
    if package == "azure-native":
        if not _EXPLICIT_VERSION.fullmatch(module):
            raise UnknownTypeError(f"{token}: names no API version, and the SDK's default ones are old")
        path += f".{module.replace('/', '.')}"
    try:
        resource = getattr(importlib.import_module(path), name)
        module_of = vars(sys.modules[resource.__module__])
        # the other name is used if a nested type has the usual one
        found = module_of.get(f"{name}InitArgs") or module_of[f"{name}Args"]
    except (ImportError, AttributeError, KeyError):
        raise UnknownTypeError(f"{token}: the SDK has no such type") from None
    assert isinstance(found, type)
    return found


def _of_class(declared: type, inputs: Mapping[str, Any], path: str) -> Iterator[str]:
    names = input_type_py_to_pulumi_names(declared)
    # `pulumi.Input[T]` holds the forward reference "Output[T]", which is dropped below
    known = {**vars(sys.modules[declared.__module__]), "Output": pulumi.Output, "T": Any}
    hints = typing.get_type_hints(vars(declared)["__init__"], known)
    constants = _constants(declared)
    for key in inputs.keys() - set(names.values()):
        yield f"{path}{key}: {declared.__name__} has no such property"
    for parameter in inspect.signature(declared).parameters.values():
        name = names[parameter.name]
        value = inputs.get(name)
        if value is None:
            if parameter.default is inspect.Parameter.empty:
                yield f"{path}{name}: {declared.__name__} requires it"
        elif name in constants and value != constants[name] and not isinstance(value, Unknown):
            yield f"{path}{name}: is {value!r}; {declared.__name__} takes {constants[name]!r}"
        else:
            yield from _of_hint(hints[parameter.name], value, f"{path}{name}")


def _constants(declared: type) -> dict[str, str]:
    """Return properties with only one allowed value, which distinguish the members of a union."""
    found: dict[str, str] = {}
    for python_name, name in input_type_py_to_pulumi_names(declared).items():
        if constant := _CONSTANT.search(inspect.getdoc(getattr(declared, python_name)) or ""):
            found[name] = constant[1]
    return found


def _of_hint(hint: Any, value: Any, path: str) -> Iterator[str]:
    """Return the departures from the nearest of the hint's alternatives."""
    if isinstance(value, Unknown):
        return
    alternatives = list(_alternatives(hint))
    if any(isinstance(each, type) and issubclass(each, enum.Enum) for each in alternatives):
        alternatives = [each for each in alternatives if each is not str]  # an enum that is declared open
    yield from min((list(_of_one(each, value, path)) for each in alternatives), key=len)


def _alternatives(hint: Any) -> Iterator[Any]:
    """Return a hint's alternatives, without the forms of every input: Optional, Output, Awaitable."""
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        for each in typing.get_args(hint):
            yield from _alternatives(each)
    elif hint is not type(None) and origin not in {pulumi.Output, Awaitable}:
        yield hint


def _of_one(kind: Any, value: Any, path: str) -> Iterator[str]:
    origin = typing.get_origin(kind)
    if kind is Any:
        return
    if origin is Sequence:
        if not isinstance(value, list):
            yield f"{path}: is {value!r}, not a list"
            return
        for index, each in enumerate(value):
            yield from _of_hint(typing.get_args(kind)[0], each, f"{path}[{index}]")
    elif origin is Mapping:
        if not isinstance(value, dict):
            yield f"{path}: is {value!r}, not a map"
            return
        for key, each in value.items():
            yield from _of_hint(typing.get_args(kind)[1], each, f"{path}.{key}")
    elif is_input_type(kind):
        if not isinstance(value, dict):
            yield f"{path}: is {value!r}, not a {kind.__name__}"
            return
        yield from _of_class(kind, value, f"{path}.")
    elif issubclass(kind, enum.Enum):
        if value not in [member.value for member in kind]:
            allowed = ", ".join(str(member.value) for member in kind)
            yield f"{path}: is {value!r}; {kind.__name__} is one of {allowed}"
    elif not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool) != (kind is bool):
        yield f"{path}: is {value!r}, not a {kind.__name__}"
