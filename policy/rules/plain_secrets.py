"""A resource's inputs hold no secrets, since all readers of the resource could read them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.rules.rule import Declared, Rule

# The forms of values that are secrets, whatever their name.
_VALUES = {
    "a storage account's key": re.compile(r"AccountKey=|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}=="),
    "a shared access key": re.compile(r"SharedAccessKey=|SharedAccessSignature="),
    "a shared access signature": re.compile(r"[?&]sig=[\w%+/-]{16}"),
    "a password": re.compile(r"\b(password|pwd)=[^;\s]", re.IGNORECASE),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an Entra client secret": re.compile(r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])"),
    "a function's key": re.compile(r"[\w-]{44}AzFu[\w-]{5}[AQgw]=="),
    "a token": re.compile(r"\beyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{16,}"),
}
# The names of settings that hold secrets, whatever their value.
_NAMES = re.compile(r"(password|passwd|pwd|secret|key|connection_?string|(sas|access|refresh)_?token)$", re.IGNORECASE)
# It names the component to send to. Sending needs a token, since local authentication is off.
_ALLOWED_NAMES = {"APPLICATIONINSIGHTS_CONNECTION_STRING"}
_KEY_VAULT_REFERENCE = "@Microsoft.KeyVault("


def _breaches(resource: Declared) -> Iterator[str]:
    hidden = _hidden(resource)
    for path, text in _texts(resource.inputs, ""):
        if path in hidden:
            continue
        for what, pattern in _VALUES.items():
            if pattern.search(text):
                yield f"take {what} out of {path}; use an identity and a role, or a Key Vault reference"
    for name, value in _settings(resource):
        is_reference = isinstance(value, str) and value.startswith(_KEY_VAULT_REFERENCE)
        if _NAMES.search(name) and name not in _ALLOWED_NAMES and not is_reference:
            yield f"take the setting {name} out, or make it a Key Vault reference: its name is a secret's"
    if resource.kind in {"app:ContainerApp", "app:Job"}:
        for secret in resource.each("configuration.secrets"):
            if not secret.get("keyVaultUrl"):
                yield f"give the secret {secret.get('name')} by keyVaultUrl and identity, not by value"
        for registry in resource.each("configuration.registries"):
            if registry.get("passwordSecretRef"):
                yield f"pull from {registry.get('server')} with an identity, not with a password"


def _hidden(resource: Declared) -> set[str]:
    """Return the paths of a nested deployment's parameters that its template declares secure. Azure hides them."""
    if resource.kind != "resources:Deployment":
        return set()
    declared = resource.at("properties.template.parameters")
    if not isinstance(declared, Mapping):
        return set()
    secure = [name for name, each in declared.items() if str(each.get("type")).lower().startswith("secure")]
    return {f"properties.parameters.{name}.value" for name in secure}


def _settings(resource: Declared) -> Iterator[tuple[str, Any]]:
    match resource.kind:
        case "web:WebApp" | "web:WebAppSlot":
            for each in resource.each("siteConfig.appSettings"):
                yield str(each.get("name")), each.get("value")
            for each in resource.each("siteConfig.connectionStrings"):
                yield f"{each.get('name')} connectionString", each.get("connectionString")
        case "web:WebAppApplicationSettings":
            properties = resource.at("properties")
            yield from properties.items() if isinstance(properties, Mapping) else ()
        case "app:ContainerApp" | "app:Job":
            for kind in ("containers", "initContainers"):
                for container in resource.each(f"template.{kind}"):
                    for each in Declared(resource.kind, container).each("env"):
                        if not each.get("secretRef"):
                            yield str(each.get("name")), each.get("value")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, f"{path}[{index}]")


NO_PLAIN_SECRETS = Rule("no-plain-secrets", "A resource's settings hold no secrets.", _breaches)
