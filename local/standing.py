"""The local cloud kept up: its addresses, how to upload, and what becomes of uploads."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
from azure.core.exceptions import AzureError

from local import interrupts
from local.cloud import Cloud, Options
from local.display import Display, console
from local.event_topic import Notice, Stage
from local.journey import closing
from local.media_client import Job, MediaClient
from local.redaction import media_client

POLL_SECONDS = 0.5


def stand(options: Options) -> None:
    """Run until Ctrl-C. Raises what Cloud raises."""
    display, uploads = Display(), _Uploads()
    with ExitStack() as life:
        with display.running():
            cloud = life.enter_context(Cloud(options, on_step=display.step, on_event=uploads))
            display.started()
        trust = _keep_trust(cloud, options)
        _introduce(cloud, trust)
        client = life.enter_context(closing(media_client(cloud)))
        while True:
            interrupts.ours.check()
            uploads.look(client)
            time.sleep(POLL_SECONDS)


class _Uploads:
    """Says what happens to uploads, a line each time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._delivered: dict[str, str] = {}  # eTag → the blob's path

    def __call__(self, notice: Notice) -> None:
        path = notice.event["subject"].partition("/containers/")[2].replace("/blobs/", "/", 1)
        match notice.stage:
            case Stage.PUBLISHED:
                console.print(f"{path}: {notice.event['eventType'].rpartition('.')[2]}", markup=False, soft_wrap=True)
            case Stage.DELIVERED:
                with self._lock:
                    self._delivered[notice.event["data"]["eTag"]] = path
                console.print(f"{path}: event delivered to {notice.subscription}", markup=False, soft_wrap=True)
            case Stage.FILTERED_OUT:
                console.print(f"{path}: not wanted by {notice.subscription}", markup=False, soft_wrap=True)
            case _:
                console.print(f"{path}: {notice.stage.value}: {notice.detail}", markup=False, soft_wrap=True)

    def look(self, client: MediaClient) -> None:
        """Report the jobs that have ended since."""
        with self._lock:
            delivered = dict(self._delivered)
        for etag, path in delivered.items():
            try:
                job = client.find_job(etag)
                if job and job.ended:
                    console.print(f"{path}: {_outcome(job, client)}", markup=False, soft_wrap=True)
                    with self._lock:
                        del self._delivered[etag]
            except (httpx.HTTPError, AzureError) as error:
                console.print(f"{path}: the media service does not answer: {error}", markup=False, soft_wrap=True)


def _outcome(job: Job, client: MediaClient) -> str:
    if job.state != "Finished":
        return f"job {job.name} ended in {job.state}: {job.error}"
    return f"redacted: {client.result_url(job.asset)}"


def _keep_trust(cloud: Cloud, options: Options) -> Path:
    """The file that other programs on this machine must trust to talk to the cloud."""
    if not options.data:
        return cloud.trust.bundle
    kept = options.data.resolve() / "authority.pem"
    kept.write_bytes(cloud.trust.bundle.read_bytes())
    return kept


def _introduce(cloud: Cloud, trust: Path) -> None:
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
        "  from azure.storage.blob import BlobServiceClient",
        "  lake = BlobServiceClient.from_connection_string(os.environ['AZURE_STORAGE_CONNECTION_STRING'])",
        f"  lake.get_blob_client('{container}', 'party.mp4').upload_blob(open('party.mp4', 'rb'))",
        "",
        "Ctrl-C stops everything.",
        "",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
