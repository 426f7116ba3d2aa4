"""A process's settings, from its environment: all are checked once, before anything starts."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mediaservice.environment import Reader
from mediaservice.model.transforms import TransformProperties

STORAGE_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Storage/storageAccounts/([a-z0-9]{3,24})",
    re.IGNORECASE,
)
QUEUE_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
TABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
INSIGHTS = re.compile(r"([A-Za-z]+=[^;=\s]+;)*InstrumentationKey=[0-9a-f-]{36}(;[A-Za-z]+=[^;=\s]*)*;?")
HTTPS = 443
DEFAULT_INPUT_BYTES = 260 * 10**9  # the limit of Media Services
ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}")


@dataclass(frozen=True)
class Account:
    """The one Media Services account of this deployment."""

    subscription_id: str
    resource_group: str
    name: str
    location: str
    storage_id: str  # ARM id of the storage account that holds assets, queue and tables
    reserved_containers: frozenset[str]  # containers of that account that no asset may have

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
    """The endpoints and names of the stored state, all of which the deployment creates."""

    client_id: str  # of the managed identity that accesses it
    blob_endpoint: str  # endpoints have no slash at the end
    queue_endpoint: str
    table_endpoint: str
    jobs_queue: str
    poison_queue: str
    assets_table: str
    transforms_table: str
    jobs_table: str


@dataclass(frozen=True)
class Tokens:
    """The issuer and the audiences of accepted bearer tokens."""

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
class Inputs:
    """The permitted origins and the largest size of inputs."""

    own: tuple[str, int]  # host and port of this account's blobs
    hosts: tuple[str, ...]  # names that include their subdomains, at any address; none: every public host
    max_bytes: int
    timeout_seconds: int  # for a whole download
    lake: str | None = None  # address of the container of uploads, which the worker's identity may read


@dataclass(frozen=True)
class Limits:
    """The resources that the engine's process may use."""

    memory_bytes: int  # 0: a share of the machine's or container's memory
    cpu_seconds: int
    file_bytes: int  # of each file that it writes
    disk_bytes: int  # of all files that a worker writes; 0: the size of the file system


@dataclass(frozen=True)
class Work:
    """The settings of workers: leases, attempts, time limits."""

    lease_seconds: int
    max_attempts: int
    timeout_seconds: int  # 0: none
    engine_command: tuple[str, ...]  # a subcommand and its arguments are appended
    inputs: Inputs
    limits: Limits


@dataclass(frozen=True)
class ApiSettings:
    host: str  # the address to listen on
    port: int
    account: Account
    storage: Storage
    transforms: Mapping[str, TransformProperties]  # declared by the deployment
    tokens: Tokens
    lake_submitter: str | None  # object id of the identity whose jobs may read uploads after their links have expired
    events_endpoint: str | None  # of the Event Grid topic for job events
    telemetry: str | None  # a connection string of Application Insights


@dataclass(frozen=True)
class WorkerSettings:
    account: Account
    storage: Storage
    transforms: Mapping[str, TransformProperties]
    work: Work
    events_endpoint: str | None
    telemetry: str | None


def read_api(environment: Mapping[str, str]) -> ApiSettings:
    """Read the settings. Raises SettingsError, which names each wrong variable, its value and what is allowed."""
    reader = Reader(environment)
    settings = ApiSettings(
        host=reader.text("HOST", "an IPv4 address of this machine", ADDRESS, "0.0.0.0"),  # noqa: S104  # a container's
        port=reader.number("PORT", 1, 65535, default=8000),
        account=_account(reader),
        storage=_storage(reader),
        transforms=reader.transforms("MEDIA_TRANSFORMS"),
        tokens=Tokens(
            authority=reader.url("TOKEN_AUTHORITY", "https://login.microsoftonline.com"),
            tenant_id=reader.guid("TOKEN_TENANT_ID"),
            audiences=reader.words("TOKEN_AUDIENCE"),
        ),
        lake_submitter=reader.optional_guid("LAKE_SUBMITTER"),
        events_endpoint=reader.optional_url("EVENTS_ENDPOINT"),
        telemetry=_telemetry(reader),
    )
    reader.check()
    return settings


def read_worker(environment: Mapping[str, str]) -> WorkerSettings:
    """Read the settings. Raises SettingsError, which names each wrong variable, its value and what is allowed."""
    reader = Reader(environment)
    storage = _storage(reader)
    settings = WorkerSettings(
        account=_account(reader),
        storage=storage,
        transforms=reader.transforms("MEDIA_TRANSFORMS"),
        work=Work(
            # A message is renewed at a third of this, and Azure counts visibility in whole seconds.
            lease_seconds=reader.number("JOB_LEASE_SECONDS", 3, 3600, default=60),
            max_attempts=reader.number("JOB_MAX_ATTEMPTS", 1, 100, default=3),
            timeout_seconds=reader.number("JOB_TIMEOUT_SECONDS", 0, 7 * 86400, default=0),
            engine_command=reader.command("ENGINE_COMMAND", (sys.executable, "-m", "redactor")),
            inputs=_inputs(reader, storage),
            limits=Limits(
                memory_bytes=reader.number("ENGINE_MEMORY_BYTES", 0, 2**48, default=0),
                cpu_seconds=reader.number("ENGINE_CPU_SECONDS", 1, 30 * 86400, default=7 * 86400),
                file_bytes=reader.number("ENGINE_FILE_BYTES", 1, 2**48, default=DEFAULT_INPUT_BYTES),
                disk_bytes=reader.number("WORKER_DISK_BYTES", 0, 2**48, default=0),
            ),
        ),
        events_endpoint=reader.optional_url("EVENTS_ENDPOINT"),
        telemetry=_telemetry(reader),
    )
    reader.check()
    return settings


def _telemetry(reader: Reader) -> str | None:
    allowed = "an Application Insights connection string, InstrumentationKey=GUID;IngestionEndpoint=https://..."
    return reader.optional_text("APPLICATIONINSIGHTS_CONNECTION_STRING", allowed, INSIGHTS)


def _inputs(reader: Reader, storage: Storage) -> Inputs:
    own = urlsplit(storage.blob_endpoint)
    return Inputs(
        own=(own.hostname or "", own.port or HTTPS),
        hosts=reader.hosts("INPUT_HOSTS"),
        max_bytes=reader.number("INPUT_MAX_BYTES", 1, 2**48, default=DEFAULT_INPUT_BYTES),
        timeout_seconds=reader.number("INPUT_TIMEOUT_SECONDS", 1, 7 * 86400, default=6 * 3600),
        lake=reader.optional_url("LAKE_UPLOADS"),
    )


def _account(reader: Reader) -> Account:
    return Account(
        subscription_id=reader.guid("MEDIA_SUBSCRIPTION_ID"),
        resource_group=reader.text("MEDIA_RESOURCE_GROUP", "a resource group's name"),
        name=reader.text("MEDIA_ACCOUNT", "3 to 24 lower-case letters and digits", ACCOUNT_NAME),
        location=reader.text("MEDIA_LOCATION", "an Azure region, such as westeurope"),
        storage_id=reader.text("MEDIA_STORAGE_ID", "the ARM id of a storage account", STORAGE_ID),
        reserved_containers=reader.containers("RESERVED_CONTAINERS"),
    )


def _storage(reader: Reader) -> Storage:
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
