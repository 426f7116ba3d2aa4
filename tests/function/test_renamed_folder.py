"""The videos of a renamed folder: they raise no events and keep their times of change.

The emulator has no folders to rename. Uploads that are not recent any more, at the clock's time, stand for them.
"""

import socket
import time
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
from trigger.deadline import INVOCATION_SECONDS, Deadline
from trigger.lake import Lake
from trigger.media import MediaAccount
from trigger.names import job_name
from trigger.outcomes import Ignored, Refused, Retry
from trigger.progress import ProgressStore, RenamedFolder
from trigger.renames import MOST_NAMES, Renames
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
        kept.note(RenamedFolder(f"{name}/", (), "old" if name == "refused" else None), Deadline())
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
        store(there, entra).note(folder, Deadline())
        made(there, entra, LONG_AFTER).run()
    assert len(media_service.jobs) == jobs
    assert list(store(there, entra).folders()) == []


def named(wired: Settings, lake: ContainerClient, media_service: MediaService, name: str, former: str) -> None:
    """Upload a video with a Finished job under its former name."""
    etag = lake.upload_blob(name, CONTENT).get_blob_properties().etag.strip('"')
    address = BlobAddress.under(wired.lake_blob_endpoint, wired.upload_container, former)
    job = JOBS + job_name(Upload(address, etag, RECONCILIATION))
    media_service.answers["GET", job] = [Answer(200, {"properties": {"state": "Finished", "outputs": []}})] * 9


def test_a_recent_video_of_a_renamed_folder_is_not_redacted_again(
    wired: Settings, lake: ContainerClient, entra: Entra, media_service: MediaService
) -> None:
    """The listing of recent changes meets it as well, at this run and at the next ones."""
    there = replace(wired, media_endpoint=media_service.endpoint)
    deploy(there, entra)
    named(there, lake, media_service, "done/a.mp4", "inbox/a.mp4")
    store(there, entra).note(RenamedFolder("done/", ("inbox/",)), Deadline())
    for ahead in (RESTED, RESTED * 5, LONG_AFTER):
        assert made(there, entra, ahead).run() == {}
    assert not media_service.jobs
    assert list(store(there, entra).folders()) == []


@pytest.mark.parametrize(
    ("folders", "name", "former"),
    [
        ([("b", "a"), ("c", "b")], "c/x.mp4", "a/x.mp4"),
        ([("c", "b"), ("b", "a")], "c/x.mp4", "a/x.mp4"),  # events come in any order
        ([("a/sub2", "a/sub"), ("b", "a")], "b/sub2/x.mp4", "a/sub/x.mp4"),
        ([("b", "a"), ("c", "b/sub")], "c/x.mp4", "a/sub/x.mp4"),
        ([("b", "a"), ("a", "b"), ("b", "a")], "b/x.mp4", "b/x.mp4"),
        ([("b", "a%20#1?")], "b/x.mp4", "a%20#1?/x.mp4"),
        ([("b", "a%20#1?")], "b/x.mp4", "a #1?/x.mp4"),
    ],
)
def test_folders_that_are_renamed_one_after_the_other_lead_to_the_first_name(
    wired: Settings,
    lake: ContainerClient,
    entra: Entra,
    media_service: MediaService,
    make_event: MakeEvent,
    folders: list[tuple[str, str]],
    name: str,
    former: str,
) -> None:
    there = replace(wired, media_endpoint=media_service.endpoint)
    deploy(there, entra)
    made(there, entra, LONG_AFTER).run()  # so that the video is no recent change
    named(there, lake, media_service, name, former)
    for folder in folders:
        store(there, entra).note(upload.read_folder(renamed(make_event, there, *folder), there), Deadline())
    assert made(there, entra, LONG_AFTER).run() == {}
    assert not media_service.jobs


def test_a_compared_folder_is_kept_while_another_one_leads_to_it(
    wired: Settings, lake: ContainerClient, entra: Entra, media_service: MediaService
) -> None:
    there = replace(wired, media_endpoint=media_service.endpoint)
    deploy(there, entra)
    made(there, entra, LONG_AFTER).run()
    named(there, lake, media_service, "c/x.mp4", "a/x.mp4")
    for folder in (RenamedFolder("b/", ("a/",)), RenamedFolder("c/", ("b/",))):
        store(there, entra).note(folder, Deadline())

    class _Broken(Lake):
        def page(self, marker: str | None = None, folder: str = "") -> tuple[list[lakes.Blob], str | None]:
            if folder == "c/":
                raise ServiceResponseError("the connection broke")
            return super().page(marker, folder)

    with pytest.raises(ServiceResponseError):
        made(there, entra, LONG_AFTER, _Broken(there, entra.credential())).run()
    assert len(list(store(there, entra).folders())) == 2
    assert made(there, entra, LONG_AFTER).run() == {}
    assert not media_service.jobs
    assert list(store(there, entra).folders()) == []


def test_a_name_has_a_limited_number_of_former_ones() -> None:
    renames = Renames([RenamedFolder("b/", ("a/sub/",)), RenamedFolder("a/", ("b/",))])
    assert renames.former("a/x.mp4")[:3] == ["b/x.mp4", "a/sub/x.mp4", "b/sub/x.mp4"]
    assert len(renames.former("a/x.mp4")) == MOST_NAMES


def test_a_storage_that_does_not_answer_is_reported_to_event_grid_in_time(
    wired: Settings, entra: Entra, make_event: MakeEvent
) -> None:
    credential = entra.credential()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kept = ProgressStore(f"https://127.0.0.1:{silent.getsockname()[1]}/functions/reconciliation", credential)
        submission = Submission(wired, Lake(wired, credential), MediaAccount(wired, credential), kept)
        began = time.monotonic()
        with pytest.raises(Retry):
            submission.handle(renamed(make_event, wired, "trip", "tmp"))
        assert time.monotonic() - began < INVOCATION_SECONDS


def test_a_job_under_the_former_name_that_is_not_over_is_waited_for(
    wired: Settings, lake: ContainerClient, entra: Entra, make_event: MakeEvent, media_service: MediaService
) -> None:
    """It fails if it has not read the video yet, which is not there any more."""
    there = replace(wired, media_endpoint=media_service.endpoint)
    deploy(there, entra)
    made(there, entra, LONG_AFTER).run()
    with moved(lake, there, media_service, "Queued") as job:
        store(there, entra).note(upload.read_folder(renamed(make_event, there, "done", "inbox"), there), Deadline())
        assert made(there, entra, LONG_AFTER).run() == {End.RETRY: 1}
        assert len(list(store(there, entra).folders())) == 1
        media_service.answers["GET", job] = [Answer(200, {"properties": {"state": "Error", "outputs": []}})]
        assert made(there, entra, LONG_AFTER).run() == {End.SUBMITTED: 1}
    assert list(store(there, entra).folders()) == []


def test_a_folder_that_is_renamed_once_more_while_it_is_compared_is_compared_again(
    wired: Settings, lake: ContainerClient, entra: Entra
) -> None:
    deploy(wired, entra)
    kept, folder = store(wired, entra), RenamedFolder("trip/", ("tmp/",))
    kept.note(folder, Deadline())
    (found,) = kept.folders()
    kept.note(folder, Deadline())  # the second event comes meanwhile
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
        ("a/b", "c", RenamedFolder("a/b/", ("c/",))),
        ("a b%20c", "x%20y", RenamedFolder("a b%20c/", ("x y/", "x%20y/"))),
        ("ü", "", RenamedFolder("ü/")),
        ("a", "b #1?", RenamedFolder("a/", ("b #1?/",))),
        ("a", "100%/b", RenamedFolder("a/", ("100%/b/",))),
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
