"""What a process of the service is told by its environment; checked whole, once, before anything starts."""

import json
import re
import shlex
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from mediaservice.model.transforms import TransformProperties, parse_transform
from mediaservice.model.validation import problem

STORAGE_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Storage/storageAccounts/([a-z0-9]{3,24})",
    re.IGNORECASE,
)
QUEUE_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
TABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}")


class SettingsError(Exception):
    """Everything wrong with the environment, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Account:
    """The one Media Services account that this deployment is."""

    subscription_id: str
    resource_group: str
    name: str
    location: str
    storage_id: str  # ARM id of the account that holds assets, queue and tables

    @property
    def id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.Media/mediaservices/{self.name}"
        )

    @property
    def storage_name(self) -> str:
        return self.storage_id.rpartition("/")[2]


@dataclass(frozen=True)
class Storage:
    """Where state lives and what its parts are called; all of it made beforehand by the deployment."""

    client_id: str  # of the managed identity that reaches it
    blob_endpoint: str  # the endpoints without a slash at the end
    queue_endpoint: str
    table_endpoint: str
    jobs_queue: str
    poison_queue: str
    assets_table: str
    transforms_table: str
    jobs_table: str


@dataclass(frozen=True)
class Tokens:
    """Whose bearer tokens are accepted, and for whom they must have been issued."""

    authority: str
    tenant_id: str
    audiences: tuple[str, ...]

    @property
    def keys_url(self) -> str:
        return f"{self.authority}/{self.tenant_id}/discovery/v2.0/keys"

    @property
    def issuers(self) -> tuple[str, ...]:
        return (f"https://sts.windows.net/{self.tenant_id}/", f"{self.authority}/{self.tenant_id}/v2.0")


@dataclass(frozen=True)
class Work:
    """How workers hold and repeat jobs."""

    lease_seconds: int
    max_attempts: int
    timeout_seconds: int  # 0: none
    engine_command: tuple[str, ...]  # `redact IN OUT …` is appended


@dataclass(frozen=True)
class ApiSettings:
    port: int
    account: Account
    storage: Storage
    transforms: Mapping[str, TransformProperties]  # those that the deployment declares
    tokens: Tokens


@dataclass(frozen=True)
class WorkerSettings:
    account: Account
    storage: Storage
    transforms: Mapping[str, TransformProperties]
    work: Work


def read_api(environment: Mapping[str, str]) -> ApiSettings:
    """Raises SettingsError naming each variable, what it was and what is allowed."""
    reader = _Reader(environment)
    settings = ApiSettings(
        port=reader.number("PORT", 1, 65535, default=8000),
        account=_account(reader),
        storage=_storage(reader),
        transforms=reader.transforms("MEDIA_TRANSFORMS"),
        tokens=Tokens(
            authority=reader.url("TOKEN_AUTHORITY", "https://login.microsoftonline.com"),
            tenant_id=reader.guid("TOKEN_TENANT_ID"),
            audiences=reader.words("TOKEN_AUDIENCE"),
        ),
    )
    reader.check()
    return settings


def read_worker(environment: Mapping[str, str]) -> WorkerSettings:
    """Raises SettingsError naming each variable, what it was and what is allowed."""
    reader = _Reader(environment)
    settings = WorkerSettings(
        account=_account(reader),
        storage=_storage(reader),
        transforms=reader.transforms("MEDIA_TRANSFORMS"),
        work=Work(
            # A message is renewed at a third of this, and Azure counts visibility in whole seconds.
            lease_seconds=reader.number("JOB_LEASE_SECONDS", 3, 3600, default=60),
            max_attempts=reader.number("JOB_MAX_ATTEMPTS", 1, 100, default=3),
            timeout_seconds=reader.number("JOB_TIMEOUT_SECONDS", 0, 7 * 86400, default=0),
            engine_command=reader.command("ENGINE_COMMAND", (sys.executable, "-m", "redactor")),
        ),
    )
    reader.check()
    return settings


def _account(reader: "_Reader") -> Account:
    return Account(
        subscription_id=reader.guid("MEDIA_SUBSCRIPTION_ID"),
        resource_group=reader.text("MEDIA_RESOURCE_GROUP", "a resource group's name"),
        name=reader.text("MEDIA_ACCOUNT", "3 to 24 lower-case letters and digits", ACCOUNT_NAME),
        location=reader.text("MEDIA_LOCATION", "an Azure region, such as westeurope"),
        storage_id=reader.text("MEDIA_STORAGE_ID", "the ARM id of a storage account", STORAGE_ID),
    )


def _storage(reader: "_Reader") -> Storage:
    return Storage(
        client_id=reader.guid("AZURE_CLIENT_ID"),
        blob_endpoint=reader.url("STORAGE_BLOB_ENDPOINT"),
        queue_endpoint=reader.url("STORAGE_QUEUE_ENDPOINT"),
        table_endpoint=reader.url("STORAGE_TABLE_ENDPOINT"),
        jobs_queue=reader.text("JOBS_QUEUE", "a queue's name", QUEUE_NAME, "redaction-jobs"),
        poison_queue=reader.text("POISON_QUEUE", "a queue's name", QUEUE_NAME, "redaction-jobs-poison"),
        assets_table=reader.text("ASSETS_TABLE", "a table's name", TABLE_NAME, "assets"),
        transforms_table=reader.text("TRANSFORMS_TABLE", "a table's name", TABLE_NAME, "transforms"),
        jobs_table=reader.text("JOBS_TABLE", "a table's name", TABLE_NAME, "jobs"),
    )


class _Reader:
    """Reads variables and collects problems; a bad one yields a value that is never used."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def check(self) -> None:
        if self.problems:
            raise SettingsError(self.problems)

    def _value[T](self, name: str, allowed: str, parse: Callable[[str], T], bad: T, default: str = "") -> T:
        text = self._environment.get(name, "").strip() or default
        if not text:
            self.problems.append(f"{name} is not set; it must be {allowed}")
            return bad
        try:
            return parse(text)
        except ValueError as error:
            detail = str(error)
            self.problems.append(f"{name} is {text!r}; it must be {detail or allowed}")
            return bad

    def text(self, name: str, allowed: str, form: re.Pattern[str] | None = None, default: str = "") -> str:
        def parse(text: str) -> str:
            if form and not form.fullmatch(text):
                raise ValueError
            return text

        return self._value(name, allowed, parse, "", default)

    def number(self, name: str, low: int, high: int, *, default: int) -> int:
        allowed = f"a whole number from {low} to {high}"

        def parse(text: str) -> int:
            if not text.isdecimal() or not low <= int(text) <= high:
                raise ValueError
            return int(text)

        return self._value(name, allowed, parse, default, str(default))

    def guid(self, name: str) -> str:
        def parse(text: str) -> str:
            try:
                return str(uuid.UUID(text))
            except ValueError:
                raise ValueError from None

        return self._value(name, "a GUID", parse, "")

    def url(self, name: str, default: str = "") -> str:
        def parse(text: str) -> str:
            parts = urlsplit(text)
            if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
                raise ValueError
            return text.rstrip("/")

        return self._value(name, "an https address", parse, "", default)

    def words(self, name: str) -> tuple[str, ...]:
        def parse(text: str) -> tuple[str, ...]:
            words = tuple(word.strip() for word in text.split(",") if word.strip())
            if not words:
                raise ValueError
            return words

        return self._value(name, "one or more audiences, separated by commas", parse, ())

    def command(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        return self._value(name, "a command line", lambda text: tuple(shlex.split(text)), default, shlex.join(default))

    def transforms(self, name: str) -> Mapping[str, TransformProperties]:
        def parse(text: str) -> dict[str, TransformProperties]:
            try:
                declared: Any = json.loads(text)
            except json.JSONDecodeError as error:
                raise ValueError(f"JSON: {error}") from None
            if not isinstance(declared, dict):
                raise ValueError
            transforms: dict[str, TransformProperties] = {}
            for key, properties in declared.items():
                try:
                    transforms[key] = parse_transform(properties)
                except ValidationError as error:
                    raise ValueError(f"valid: {key}: {problem(error)}") from None
                except ValueError as error:
                    raise ValueError(f"valid: {key}: {error}") from None
            return transforms

        return self._value(name, "a JSON object of transform names and properties", parse, {}, default="{}")
