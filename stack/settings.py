"""The stack's settings: declared in Pulumi.yaml, read once, validated before any resource is declared."""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import pulumi

from stack.configuration import GUID, Config, Reader, SettingError, UnknownSettingError
from stack.regions import canonical_region
from stack.transform import BlurType, Damaged, Quality, Resolution


class Engine(StrEnum):
    """The implementation of the Media Services API."""

    SELF_HOSTED = "selfHosted"
    AZURE = "azure"


@dataclass(frozen=True)
class SelfHosted:
    """Settings of the selfHosted engine only. `worker_cpu` is in cores, `worker_minutes` in minutes.

    Without an `image`, the graph builds it. Without an `api_audience`, it declares the Entra application.
    """

    image: str | None
    api_audience: str | None
    api_replicas: int
    worker_profile: str
    worker_cpu: float
    worker_limit: int
    worker_minutes: int
    job_attempts: int


@dataclass(frozen=True)
class Settings:
    """A stack's settings, described in Pulumi.yaml. `self_hosted` is None for the azure engine.

    `upload_days` and `result_days` are 0 for ever. `result_days` is None if it is not set, which keeps results for ever
    too. `monthly_budget` is in the subscription's currency, or 0 for none.
    """

    engine: Engine
    name_prefix: str
    location: str | None
    resource_group: str | None
    deployer_group: str | None
    uploaders: tuple[str, ...]
    reviewers: tuple[str, ...]
    lake_account: str | None
    system_topic: str | None
    upload_container: str
    upload_endings: tuple[str, ...]
    blur_type: BlurType
    resolution: Resolution
    quality: Quality
    damaged: Damaged
    verify: bool
    sas_hours: int
    reconcile_minutes: int
    reconcile_existing: bool
    event_attempts: int
    event_minutes: int
    function_memory: int
    function_instances: int
    log_days: int
    private_network: bool
    network_range: str
    alert_email: str | None
    monthly_budget: int
    protect_data: bool
    upload_days: int
    result_days: int | None
    recover_days: int
    authority: str
    resource_manager: str
    self_hosted: SelfHosted | None


_ARM_ID = r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[-\w.()]{1,90}/providers"
_LAKE = "the ARM id of a storage account, or nothing to make one"
_TOPIC = "the ARM id of a system topic, or nothing to make one"
_URL = r"https://[a-z0-9.-]+(:\d+)?"


_ENDINGS = 'one to ten different endings such as .mp4,.mov or [".mp4", ".mov"]'
_GROUPS = "up to ten object ids of Entra groups, separated by commas, or nothing"


def _camel(field: str) -> str:
    first, *others = field.split("_")
    return first + "".join(word.title() for word in others)


def _read_verify(read: Reader, engine: Engine) -> bool:
    wanted = read.yes("verify")
    if wanted and engine is not Engine.SELF_HOSTED:
        raise SettingError("verify", "true", "false with engine azure, which cannot verify")
    if wanted and read.choice("blurType", BlurType) in {BlurType.BOX, BlurType.LOW}:
        raise SettingError("verify", "true", "false with blurType Box and Low, which hide nobody")
    return wanted


def read_settings(config: Config, location: str | None, keys: Collection[str] = ()) -> Settings:
    """Read and validate every setting.

    `location` is azure-native:location, which is optional only if the resource group exists. `keys` are all keys with a
    value, each of which must be a setting.
    Raises pulumi.RunError with one line for the first setting that cannot be used.
    """
    for key in sorted(keys):
        if key not in SETTINGS:
            raise UnknownSettingError(key, SETTINGS)
    read = Reader(config)
    engine = read.choice("engine", Engine)
    resource_group = read.text(
        "resourceGroup", r"|[-\w.()]{0,89}[-\w()]", "the name of a resource group, or nothing to make one"
    )
    if not resource_group and not location:
        raise pulumi.RunError(
            "azure-native:location is not set; allowed: an Azure region such as westeurope "
            "(or name an existing face-redaction:resourceGroup)"
        )
    monthly_budget = read.whole("monthlyBudget", 0, 1_000_000)
    if monthly_budget and not config.get("alertEmail"):
        raise SettingError("monthlyBudget", str(monthly_budget), "0, unless alertEmail is set")
    return Settings(
        engine=engine,
        name_prefix=read.text(
            "namePrefix", r"[a-z][a-z0-9]{1,9}", "2 to 10 lower-case letters and digits, a letter first"
        ),
        location=canonical_region(location) if location else None,
        resource_group=resource_group or None,
        deployer_group=read.text("deployerGroup", rf"|{GUID}", "the object id of an Entra group, or nothing") or None,
        uploaders=read.texts("uploaders", GUID, 0, _GROUPS),
        reviewers=read.texts("reviewers", GUID, 0, _GROUPS),
        lake_account=read.text("lakeAccount", rf"|{_ARM_ID}/Microsoft\.Storage/storageAccounts/[a-z0-9]{{3,24}}", _LAKE)
        or None,
        system_topic=read.text("systemTopic", rf"|{_ARM_ID}/Microsoft\.EventGrid/systemTopics/[\w-]{{3,50}}", _TOPIC)
        or None,
        upload_container=read.text(
            "uploadContainer",
            r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
            "3 to 63 lower-case letters, digits and single hyphens",
        ),
        upload_endings=read.texts("uploadEndings", r"\.[A-Za-z0-9]{1,12}", 1, _ENDINGS),
        blur_type=read.choice("blurType", BlurType),
        resolution=read.choice("resolution", Resolution),
        quality=read.choice("quality", Quality),
        damaged=read.choice("damaged", Damaged),
        verify=_read_verify(read, engine),
        sas_hours=read.whole("sasHours", 1, 168),
        reconcile_minutes=read.number(
            "reconcileMinutes", int, {5, 10, 15, 20, 30, 60}.__contains__, "5, 10, 15, 20, 30 or 60"
        ),
        reconcile_existing=read.yes("reconcileExisting"),
        event_attempts=read.whole("eventAttempts", 1, 30),
        event_minutes=read.whole("eventMinutes", 1, 1440),
        function_memory=read.number("functionMemory", int, {512, 2048, 4096}.__contains__, "512, 2048 or 4096"),
        function_instances=read.whole("functionInstances", 40, 1000),
        log_days=read.whole("logDays", 30, 730),
        private_network=read.yes("privateNetwork"),
        network_range=read.address_range("networkRange"),
        alert_email=read.text("alertEmail", r"|[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+", "an e-mail address, or nothing")
        or None,
        monthly_budget=monthly_budget,
        protect_data=read.yes("protectData"),
        upload_days=read.whole("uploadDays", 0, 3650),
        result_days=read.whole("resultDays", 0, 3650) if config.get("resultDays") else None,
        recover_days=read.whole("recoverDays", 0, 365),
        authority=read.text("authority", _URL, "an https address without a path"),
        resource_manager=read.text("resourceManager", _URL, "an https address without a path"),
        self_hosted=_read_self_hosted(read) if engine is Engine.SELF_HOSTED else None,
    )


def _read_self_hosted(read: Reader) -> SelfHosted:
    return SelfHosted(
        image=read.text(
            "image",
            r"|[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?",
            "a container image with its registry, such as registry.example.com/face-redaction@sha256:..., "
            "or nothing to build it",
        )
        or None,
        api_audience=read.text(
            "apiAudience",
            r"|api://[\w./-]+|https://[\w./-]+",
            "an Entra application's identifier, such as api://..., or nothing to make the application",
        )
        or None,
        api_replicas=read.whole("apiReplicas", 1, 30),
        worker_profile=read.text(
            "workerProfile", r"Consumption|[DE](4|8|16|32)", "Consumption, or D or E with 4, 8, 16 or 32 cores"
        ),
        worker_cpu=read.number(
            "workerCpu", float, lambda n: 0.5 <= n <= 4 and n * 4 == int(n * 4), "0.5 to 4 in steps of 0.25"
        ),
        worker_limit=read.whole("workerLimit", 1, 1000),
        worker_minutes=read.whole("workerMinutes", 10, 1440),
        job_attempts=read.whole("jobAttempts", 1, 10),
    )


# All keys of the project's namespace that have a meaning.
SETTINGS = frozenset(
    _camel(field.name) for declared in (Settings, SelfHosted) for field in dataclasses.fields(declared)
) - {"location", "selfHosted"}
