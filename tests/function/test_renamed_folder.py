"""The videos of a renamed folder: they raise no events and keep their times of change.

The emulator has no folders to rename. Uploads that are not recent any more, at the clock's time, stand for them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import azure.functions as func
import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.storage.blob import ContainerClient

from local.services.entra import Entra
from tests.function.lakes import CONTENT, LONG_AFTER, RESTED, Reconcile, deploy, made, store
from tests.function.recording import JOBS, Answer, MediaService
from trigger import lake as lakes
from trigger import upload
from trigger.address import BlobAddress
from trigger.lake import Lake
from trigger.media import MediaAccount
from trigger.names import job_name
from trigger.outcomes import Ignored, Refused
from trigger.progress import RenamedFolder
from trigger.settings import Settings
from trigger.submission import RECONCILIATION, End, Submission
from trigger.upload import Upload

type MakeEvent = Callable[..., func.EventGridEvent]
KIND = "Microsoft.Storage.DirectoryRenamed"


def renamed(make_event: MakeEvent, wired: Settings, path: str, former: str) -> func.EventGridEvent:
    """The event in Azure's form: without eTag and length, and with an address for each of both names."""
    container = f"{wired.lake_dfs_endpoint.url}/{wired.upload_container}"
    subject = f"/blobServices/default/containers/{wired.upload_container}/blobs/{path}"
    none = dict.fromkeys(("eTag", "contentLength", "contentType", "blobType"))
    addresses = {"sourceUrl": f"{container}/{former}", "destinationUrl": f"{container}/{path}"}
    return make_event(None, subject, KIND, api="RenameDirectory", **none, **addresses)


@pytest.fixture
def handle(wired: Settings, entra: Entra) -> Callable[[func.EventGridEvent], None]:
    credential = entra.credential()
    return Submission(wired, Lake(wired, credential), MediaAccount(wired, credential), store(wired, entra)).handle


def test_the_videos_of_a_renamed_folder_become_jobs_and_no_others(
    wired: Settings,
    lake: ContainerClient,
    entra: Entra,
    reconcile: Reconcile,
    make_event: MakeEvent,
    handle: Callable[[func.EventGridEvent], None],
    sources: Callable[[], list[str]],
) -> None:
    assert reconcile(LONG_AFTER) == {}
    for name in ("trip/a.mp4", "trip/more/b.MOV", "trip/notes.txt", "trip2/c.mp4", "d.mp4"):
        lake.upload_blob(name, CONTENT)
    assert reconcile(LONG_AFTER) == {}  # no recent changes
    for _ in range(2):  # events come at least once
        handle(renamed(make_event, wired, "trip", "tmp"))
    assert sources() == []
    assert reconcile(LONG_AFTER) == {End.SUBMITTED: 2}
    assert sources() == ["trip/a.mp4", "trip/more/b.MOV"]
    assert list(store(wired, entra).folders()) == []
    assert reconcile(LONG_AFTER) == {}


def test_a_large_folder_goes_on_at_the_next_run(
    wired: Settings,
    lake: ContainerClient,
    entra: Entra,
    make_event: MakeEvent,
    handle: Callable[[func.EventGridEvent], None],
    sources: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deploy(wired, entra)
    made(wired, entra, LONG_AFTER).run()
    names = [f"trip/{number}.mp4" for number in range(5)]
    for name in names:
        lake.upload_blob(name, CONTENT)
    handle(renamed(make_event, wired, "trip", "tmp"))
    monkeypatch.setattr(lakes, "PAGE", 2)

    class _Killed(Lake):
        """The host ends the process after one page of the folder."""

        done = False

        def page(self, marker: str | None = None, folder: str = "") -> tuple[list[lakes.Blob], str | None]:
            if folder and self.done:
                raise KeyboardInterrupt
            self.done = bool(folder)
            return super().page(marker, folder)

    for number in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            made(wired, entra, LONG_AFTER, _Killed(wired, entra.credential())).run()
        assert sources() == names[:number]
    made(wired, entra, LONG_AFTER, _Killed(wired, entra.credential())).run()
    assert sources() == names
    assert list(store(wired, entra).folders()) == []


class _Refusing(Lake):
    """Storage refuses the markers of one folder, and lists another one not at all."""

    def page(self, marker: str | None = None, folder: str = "") -> tuple[list[lakes.Blob], str | None]:
        if folder == "refused/" and marker == "old":
            error = HttpResponseError("the value for one of the HTTP headers is not in the correct format")
            error.status_code = 400
            raise error
        if folder == "broken/":
            raise ServiceResponseError("the connection broke")
        return super().page(marker, folder)


def test_a_folder_that_fails_keeps_no_other_from_being_compared(
    wired: Settings, lake: ContainerClient, entra: Entra, sources: Callable[[], list[str]]
) -> None:
    deploy(wired, entra)
    made(wired, entra, LONG_AFTER).run()
    kept = store(wired, entra)
    for name in ("broken", "refused", *(f"trip{number}" for number in range(4))):
        lake.upload_blob(f"{name}/a.mp4", CONTENT)
        kept.note(RenamedFolder(f"{name}/", None, "old" if name == "refused" else None))
    with pytest.raises(ServiceResponseError):
        made(wired, entra, LONG_AFTER, _Refusing(wired, entra.credential())).run()
    assert sources() == ["refused/a.mp4", *(f"trip{number}/a.mp4" for number in range(4))]
    assert [folder.path for folder in kept.folders()] == ["broken/"]


@contextmanager
def moved(lake: ContainerClient, wired: Settings, media_service: MediaService, state: str) -> Iterator[str]:
    """A video of a renamed folder, and the start of the path of its job under the former name, in this state."""
    blob = lake.upload_blob("done/a.mp4", CONTENT)
    former = BlobAddress.under(wired.lake_blob_endpoint, wired.upload_container, "inbox/a.mp4")
    etag = blob.get_blob_properties().etag.strip('"')  # which a rename of the folder leaves
    job = JOBS + job_name(Upload(former, etag, RECONCILIATION))
    media_service.answers["GET", job] = [Answer(200, {"properties": {"state": state, "outputs": []}})]
    yield job


@pytest.mark.parametrize(("state", "jobs"), [("Finished", 0), ("Canceled", 0), ("Error", 1)])
def test_a_video_that_was_redacted_under_its_former_name_is_not_redacted_again(
    wired: Settings,
    lake: ContainerClient,
    entra: Entra,
    make_event: MakeEvent,
    media_service: MediaService,
    state: str,
    jobs: int,
) -> None:
    there = replace(wired, media_endpoint=media_service.endpoint)
    deploy(there, entra)
    made(there, entra, LONG_AFTER).run()
    with moved(lake, there, media_service, state):
        folder = upload.read_folder(renamed(make_event, there, "done", "inbox"), there)
        store(there, entra).note(folder)
        made(there, entra, LONG_AFTER).run()
    assert len(media_service.jobs) == jobs
    assert list(store(there, entra).folders()) == []


def test_a_job_under_the_former_name_that_is_not_over_is_waited_for(
    wired: Settings, lake: ContainerClient, entra: Entra, make_event: MakeEvent, media_service: MediaService
) -> None:
    """It fails if it has not read the video yet, which is not there any more."""
    there = replace(wired, media_endpoint=media_service.endpoint)
    deploy(there, entra)
    made(there, entra, LONG_AFTER).run()
    with moved(lake, there, media_service, "Queued") as job:
        store(there, entra).note(upload.read_folder(renamed(make_event, there, "done", "inbox"), there))
        assert made(there, entra, LONG_AFTER).run() == {End.RETRY: 1}
        assert len(list(store(there, entra).folders())) == 1
        media_service.answers["GET", job] = [Answer(200, {"properties": {"state": "Error", "outputs": []}})]
        assert made(there, entra, LONG_AFTER).run() == {End.SUBMITTED: 1}
    assert list(store(there, entra).folders()) == []


def test_a_folder_that_is_renamed_once_more_while_it_is_compared_is_compared_again(
    wired: Settings, lake: ContainerClient, entra: Entra
) -> None:
    deploy(wired, entra)
    kept, folder = store(wired, entra), RenamedFolder("trip/", "tmp/")
    kept.note(folder)
    (found,) = kept.folders()
    kept.note(folder)  # the second event comes meanwhile
    assert kept.advance(found, "marker", again=False) is None
    kept.forget(found)
    (left,) = kept.folders()
    assert left.marker is None


def test_recent_videos_of_a_renamed_folder_are_found_without_its_event(
    lake: ContainerClient, reconcile: Reconcile, sources: Callable[[], list[str]]
) -> None:
    lake.upload_blob("trip/new.mp4", CONTENT)
    assert reconcile(RESTED) == {End.SUBMITTED: 1}
    assert sources() == ["trip/new.mp4"]


@pytest.mark.parametrize(
    ("path", "former", "read"),
    [
        ("a/b", "c", RenamedFolder("a/b/", "c/")),
        ("a b%20c", "x%20y", RenamedFolder("a b%20c/", "x y/")),
        ("ü", "", RenamedFolder("ü/", None)),
    ],
)
def test_a_folder_is_read_by_its_new_and_its_former_path(
    make_event: MakeEvent, public_azure: Settings, path: str, former: str, read: RenamedFolder
) -> None:
    assert upload.read_folder(renamed(make_event, public_azure, path, former), public_azure) == read


def test_a_folder_of_another_container_is_ignored_and_one_without_an_address_refused(
    make_event: MakeEvent, public_azure: Settings
) -> None:
    other = replace(public_azure, upload_container="other")
    with pytest.raises(Ignored, match="container is other, not raw"):
        upload.read_folder(renamed(make_event, other, "a", "b"), public_azure)
    with pytest.raises(Refused, match="destinationUrl is None"):
        upload.read_folder(make_event(None, "/x", KIND), public_azure)
