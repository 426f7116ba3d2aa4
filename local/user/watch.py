"""`make cloud`: prints addresses and upload commands, then reports uploads and jobs until Ctrl-C."""

import queue
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from azure.core.exceptions import AzureError

from local.cloud import Cloud, Options
from local.events.filter import Event
from local.events.topic import Notice, Stage
from local.host import interrupts
from local.services.people import PEOPLE
from local.user.access import access, exported
from local.user.display import Display, console
from local.user.job_log import ENDED, KIND, job_of
from local.user.journey import QUIET_SECONDS, closing
from local.user.media_client import Job, MediaClient
from local.user.redaction import media_client

POLL_SECONDS = 0.5


def watch(options: Options, folder: Path) -> None:
    """Run until Ctrl-C; `folder` holds outputs and a login meanwhile. Raises the errors of Cloud."""
    display, jobs = Display(), queue.SimpleQueue[Event]()
    uploads = _Uploads()

    def on_job_event(notice: Notice) -> None:
        if notice.stage is Stage.PUBLISHED:
            jobs.put(notice.event)

    with ExitStack() as life:
        with display.running():
            listening = Cloud(options, on_step=display.step, on_event=uploads, on_job_event=on_job_event)
            cloud = life.enter_context(listening)
            display.started()
        trust = _keep_trust(cloud, options)
        login = life.enter_context(access(cloud, trust, folder))
        _introduce(cloud, trust, folder, login)
        client = life.enter_context(closing(media_client(cloud)))
        quiet_seconds = QUIET_SECONDS if cloud.publishes_job_events else 0.0
        while True:
            interrupts.ours.check()
            try:
                uploads.hear(jobs.get(timeout=POLL_SECONDS), client)
            except queue.Empty:
                uploads.look(client, quiet_seconds)


@dataclass
class _Awaited:
    """An upload whose job has not ended, and the time of the last news of it."""

    path: str
    known: float


class _Uploads:
    """Prints a line for each event of an upload or a job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._delivered: dict[str, _Awaited] = {}  # by eTag

    def __call__(self, notice: Notice) -> None:
        path = notice.event["subject"].partition("/containers/")[2].replace("/blobs/", "/", 1)
        match notice.stage:
            case Stage.PUBLISHED:
                _say(path, notice.event["eventType"].rpartition(".")[2])
            case Stage.DELIVERED:
                with self._lock:
                    self._delivered[notice.event["data"]["eTag"]] = _Awaited(path, time.monotonic())
                _say(path, f"event delivered to {notice.subscription}")
            case Stage.FILTERED_OUT:
                _say(path, "no subscription wants it")
            case _:
                _say(path, f"{notice.stage.value}: {notice.detail}")

    def hear(self, event: Event, client: MediaClient) -> None:
        """Report an event of a job, which an upload or another client has submitted."""
        name, data = event["subject"].rpartition("/")[2], event["data"]
        etag = data.get("correlationData", data.get("jobCorrelationData", {})).get("eTag", "")
        with self._lock:
            awaited = self._delivered.get(etag)
            if awaited:
                awaited.known = time.monotonic()
        path = awaited.path if awaited else f"job {name}"
        match event["eventType"].removeprefix(KIND):
            case "OutputProgress":
                _say(path, f"{data['progress']} %")
            case kind if kind in ENDED and awaited:
                self._end(etag, path, job_of(name, data), client)
            case "StateChange" if not awaited or data["state"] in {"Processing", "Canceling"}:
                _say(path, data["state"])

    def look(self, client: MediaClient, quiet_seconds: float) -> None:
        """Request the jobs without news for that long, and report those that have ended."""
        with self._lock:
            delivered = dict(self._delivered)
        for etag, awaited in delivered.items():
            if time.monotonic() - awaited.known < quiet_seconds:
                continue
            awaited.known = time.monotonic()
            try:
                job = client.find_job(etag)
            except (httpx.HTTPError, AzureError) as error:
                _say(awaited.path, f"the media service does not answer: {error}")
            else:
                if job and job.ended:
                    self._end(etag, awaited.path, job, client)

    def _end(self, etag: str, path: str, job: Job, client: MediaClient) -> None:
        try:
            _say(path, _outcome(job, client))
        except (httpx.HTTPError, AzureError) as error:
            _say(path, f"the media service does not answer: {error}")
        else:
            with self._lock:
                self._delivered.pop(etag, None)


def _say(path: str, text: str) -> None:
    console.print(f"{path}: {text}", markup=False, soft_wrap=True)


def _outcome(job: Job, client: MediaClient) -> str:
    if job.state != "Finished":
        return f"job {job.name} ended in {job.state}: {job.error}"
    return f"redacted: {client.result_url(job.asset)}"


def _keep_trust(cloud: Cloud, options: Options) -> Path:
    """Keep the certificate file that other programs on this machine must trust, and return its path."""
    if not options.data:
        return cloud.trust.bundle
    kept = options.data.resolve() / "authority.pem"
    kept.write_bytes(cloud.trust.bundle.read_bytes())
    return kept


def _sign_in(cloud: Cloud, login: Mapping[str, str]) -> list[str]:
    """Return the settings of a page that people sign in to, for MSAL."""
    if not cloud.options.pages:
        return []
    return [
        f"Sign-in of people, by code and PKCE, for {', '.join(cloud.options.pages)}",
        f"  authority {cloud.entra.authority}/{cloud.entra.tenant_id}   client {login['PAGE_CLIENT_ID']}",
        f"  scope {cloud.media.audience}/user_impersonation",
        *(f"  {each.username}: {', '.join(each.roles)}" for each in PEOPLE),
        "",
    ]


def _introduce(cloud: Cloud, trust: Path, folder: Path, login: Mapping[str, str]) -> None:
    exports = cloud.graph.exports
    lake = exports["uploadTo"].rpartition("/")[0]
    account, container = lake.rpartition("/")[2], exports["uploadTo"].rpartition("/")[2]
    key = cloud.azurite.account_key(account).named_key.key
    connection = (
        f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={key};BlobEndpoint={lake};"
        f"QueueEndpoint={cloud.azurite.endpoints[account].queue.rstrip('/')};"
    )
    lines = [
        "",
        f"upload to        {exports['uploadTo']}",
        f"results in       {exports['resultsIn']}",
        f"media service    {cloud.media_url}  (account {cloud.media.account}, transform {exports['transform']})",
        f"trust            {trust}",
        f"logs             {cloud.logs}",
        f"login, outputs   {folder}  (for `make replay STACK=local`; `. {folder}/login` is the block below)",
        "",
        "For any program, paste into a shell; DefaultAzureCredential is then an application with your rights here:",
        *exported(login).splitlines(),
        "",
        "Azure CLI",
        f"  export REQUESTS_CA_BUNDLE='{trust}'",
        f"  export AZURE_STORAGE_CONNECTION_STRING='{connection}'",
        f"  az storage blob upload --container-name {container} --name party.mp4 --file party.mp4",
        "",
        "Storage Explorer: connect to a storage account by the connection string above; import the certificate file",
        "under Edit, SSL Certificates.",
        "",
        "Python",
        "  import os",
        "  from azure.storage.blob import BlobServiceClient",
        "  from azure.identity import DefaultAzureCredential",
        "  from azure.mgmt.media import AzureMediaServices",
        "  media = AzureMediaServices(DefaultAzureCredential(), os.environ['AZURE_SUBSCRIPTION_ID'],",
        "      base_url=os.environ['MEDIA_ENDPOINT'], credential_scopes=[os.environ['MEDIA_AUDIENCE'] + '/.default'])",
        "  results = BlobServiceClient(os.environ['RESULTS_IN'], DefaultAzureCredential())",
        "  lake = BlobServiceClient.from_connection_string(os.environ['AZURE_STORAGE_CONNECTION_STRING'])",
        f"  lake.get_blob_client('{container}', 'party.mp4').upload_blob(open('party.mp4', 'rb'))",
        "",
        *_sign_in(cloud, login),
        "Ctrl-C stops everything.",
        "",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
