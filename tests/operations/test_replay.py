"""The events of dead letters are raised again, and the letters deleted only after that."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.events.blob_watcher import BlobWatcher
from local.events.dead_letters import DeadLetters
from local.events.delivery import RetrySchedule
from local.events.topic import Stage, Subscription, Topic
from local.services.azurite import Azurite
from local.services.entra import Entra
from operations import __main__ as command
from operations.errors import UsageError
from operations.replay import MARK, Containers, ReplayError, replay
from tests.local.conftest import Destination, Eventually, Heard

VIDEO = b"not looked at here"


@dataclass(frozen=True)
class Place:
    """Two containers, and the identities that may use them."""

    uploads: ContainerClient
    letters: ContainerClient
    entra: Entra

    @property
    def containers(self) -> Containers:
        return Containers(self.letters.url, self.uploads.url)

    def run(self, *, dry_run: bool = False) -> list[str]:
        return replay(self.containers, self.entra.credential(), dry_run=dry_run)

    def post(
        self,
        *videos: str,
        event_id: str = "1",
        at: str = "2026-11-23T10:00:00.1234567Z",
        kind: str = "Microsoft.Storage.BlobCreated",
    ) -> str:
        """Write a letter about uploads, in Event Grid's form."""
        letter = f"SUBSCRIPTION/2026/11/23/10/{event_id}.json"
        events = [
            {
                "id": event_id,
                "eventType": kind,
                "subject": f"/blobServices/default/containers/{self.uploads.container_name}/blobs/{video}",
                "eventTime": at,
                "data": {"url": f"{self.uploads.url}/{video}"},
                "deadLetterReason": "MaxDeliveryAttemptsExceeded",
                "deliveryAttempts": 30,
                "lastDeliveryOutcome": "GenericError",
            }
            for video in videos
        ]
        self.letters.upload_blob(letter, json.dumps(events))
        return letter

    def kept(self) -> list[str]:
        return list(self.letters.list_blob_names())

    def etag(self, video: str) -> str:
        return str(self.uploads.get_blob_client(video).get_blob_properties().etag)


@pytest.fixture
def place(azurite: Azurite, lake: str, entra: Entra, unique: str) -> Iterator[Place]:
    with (
        BlobServiceClient(lake, azurite.account_key("lake1")) as uploads,
        BlobServiceClient(azurite.endpoints["media1"].blob, azurite.account_key("media1")) as letters,
    ):
        yield Place(uploads.create_container(unique), letters.create_container(unique), entra)


@pytest.mark.parametrize("name", ["party.mp4", "2026/11/Über uns #1, 100%.mp4"])
def test_a_dead_letter_ends_in_another_delivery_of_its_upload(
    place: Place, name: str, destination: Destination, heard: Heard, eventually: Eventually, lake: str
) -> None:
    letters = DeadLetters(place.letters.url.rpartition("/")[0], place.letters.container_name, place.entra.credential())
    wanted = {"subjectBeginsWith": f"/blobServices/default/containers/{place.uploads.container_name}/"}
    declared = {"eventSubscriptionName": "s", "retryPolicy": {"maxDeliveryAttempts": 1}, "filter": wanted}
    subscription = Subscription.declared(declared, endpoint=destination.url, dead_letters=letters)
    destination.statuses = [500]
    quick = RetrySchedule(seconds=(0.01,), least={})
    with (
        Topic([subscription], listener=heard, schedule=quick) as topic,
        BlobWatcher("/lake", lake, place.entra.credential(), topic.publish),
    ):
        place.uploads.upload_blob(name, VIDEO, metadata={"owner": "me"})
        eventually(lambda: heard.has(Stage.DEAD_LETTERED))
        destination.statuses = [200]
        assert place.run() == []
        eventually(lambda: heard.has(Stage.DELIVERED))
    first, again = (event["data"] for event in destination.events)
    assert first["url"] == again["url"]
    assert first["eTag"] != again["eTag"]
    assert place.kept() == []
    with place.uploads.get_blob_client(name) as blob:
        assert blob.download_blob().readall() == VIDEO
        assert blob.get_blob_properties().metadata["owner"] == "me"


def test_a_renamed_folders_letter_raises_the_events_of_its_files(place: Place) -> None:
    for name in ("trip/a.mp4", "trip/more/b.mp4", "trip2/c.mp4"):
        place.uploads.upload_blob(name, VIDEO)
    place.post("trip", kind="Microsoft.Storage.DirectoryRenamed")
    place.post("gone", event_id="2", kind="Microsoft.Storage.DirectoryRenamed")
    (kept,) = place.run()
    assert "no file is in the folder" in kept
    assert place.kept() == ["SUBSCRIPTION/2026/11/23/10/2.json"]
    raised = [blob.name for blob in place.uploads.list_blobs(include=["metadata"]) if blob.metadata]
    assert raised == ["trip/a.mp4", "trip/more/b.mp4"]


def test_a_folders_file_that_fails_is_named_and_keeps_no_other_from_its_event(place: Place) -> None:
    for name in ("trip/a.mp4", "trip/b.mp4", "trip/c.mp4"):
        place.uploads.upload_blob(name, VIDEO)
    letter = place.post("trip", kind="Microsoft.Storage.DirectoryRenamed")
    lease = place.uploads.get_blob_client("trip/b.mp4").acquire_lease()
    (kept,) = place.run()
    assert "trip/b.mp4: it cannot be copied onto itself" in kept
    assert letter in kept
    assert place.kept() == [letter]
    raised = [blob.name for blob in place.uploads.list_blobs(include=["metadata"]) if blob.metadata]
    assert raised == ["trip/a.mp4", "trip/c.mp4"]
    before = place.etag("trip/a.mp4")
    lease.release()
    assert place.run() == []
    assert place.kept() == []
    assert place.etag("trip/a.mp4") == before


def test_several_letters_of_a_video_raise_one_event(place: Place) -> None:
    place.uploads.upload_blob("a.mp4", VIDEO)
    place.post("a.mp4", event_id="new", at="2026-11-23T12:00:00Z")
    place.post("a.mp4", event_id="old", at="2026-11-23T09:00:00.5Z")
    assert place.run() == []
    assert place.kept() == []
    assert place.uploads.get_blob_client("a.mp4").get_blob_properties().metadata[MARK] == "new"


def test_an_interrupted_replay_goes_on_without_a_second_event(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.uploads.upload_blob("a.mp4", VIDEO)
    letter = place.post("a.mp4")

    def refuse(*_: Any) -> None:
        raise HttpResponseError("the connection broke")

    with monkeypatch.context() as broken:
        broken.setattr(ContainerClient, "delete_blob", refuse)
        (line,) = place.run()
    assert "its event was raised" in line
    assert place.kept() == [letter]
    raised = place.etag("a.mp4")
    assert place.run() == []
    assert place.kept() == []
    assert place.etag("a.mp4") == raised


def test_the_events_of_a_replay_can_be_replayed_in_their_turn(place: Place) -> None:
    place.uploads.upload_blob("a.mp4", VIDEO)
    place.post("a.mp4", event_id="1")
    assert place.run() == []
    before = place.etag("a.mp4")
    place.post("a.mp4", event_id="2", at="2026-11-24T10:00:00Z")
    assert place.run() == []
    assert place.etag("a.mp4") != before


def test_the_letter_of_a_video_that_is_gone_is_kept_and_said(place: Place) -> None:
    place.uploads.upload_blob("here.mp4", VIDEO)
    place.post("here.mp4", event_id="1")
    letter = place.post("gone.mp4", event_id="2")
    (line,) = place.run()
    assert line == f"{place.uploads.container_name}/gone.mp4: the video is gone, so upload it again; kept: {letter}"
    assert place.kept() == [letter]


def test_a_letter_goes_when_all_of_its_videos_are_raised(place: Place) -> None:
    place.uploads.upload_blob("a.mp4", VIDEO)
    letter = place.post("a.mp4", "b.mp4")
    (line,) = place.run()
    assert "b.mp4" in line
    assert place.kept() == [letter]
    place.uploads.upload_blob("b.mp4", VIDEO)
    raised = place.etag("a.mp4")
    assert place.run() == []
    assert place.kept() == []
    assert place.etag("a.mp4") == raised


def test_a_video_that_somebody_holds_is_left_alone(place: Place) -> None:
    place.uploads.upload_blob("a.mp4", VIDEO)
    letter = place.post("a.mp4")
    lease = place.uploads.get_blob_client("a.mp4").acquire_lease(15)
    (line,) = place.run()
    assert "cannot be copied onto itself: There is currently a lease" in line
    assert place.kept() == [letter]
    lease.release()


@pytest.mark.parametrize("content", ["no JSON", "{}x", '[{"subject": "/else"}]', "[1]", '{"a": 1}'])
def test_what_is_no_dead_letter_is_kept_and_said(place: Place, content: str) -> None:
    place.letters.upload_blob("odd.json", content)
    assert place.run() == ["odd.json: it is no dead letter of an upload; it is kept"]
    assert place.kept() == ["odd.json"]


def test_letters_of_another_container_are_kept(place: Place) -> None:
    letter = place.post("a.mp4")
    other = Containers(place.letters.url, place.uploads.url.replace(place.uploads.container_name, "elsewhere"))
    (line,) = replay(other, place.entra.credential(), dry_run=False)
    assert "it is not in " in line
    assert place.kept() == [letter]


def test_a_dry_run_lists_and_changes_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a very long name, longer than the terminal is wide/" + "x" * 60 + " [bold].mp4"
    place.uploads.upload_blob(name, VIDEO)
    letter = place.post(name)
    before = place.etag(name)
    assert place.run(dry_run=True) == []
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["uploaded", "video", "why", "it", "was", "given", "up", "attempts"]
    assert row.startswith(f"2026-11-23 10:00:00  {place.uploads.container_name}/{name}  ")
    assert row.split()[-3:] == ["MaxDeliveryAttemptsExceeded:", "GenericError", "30"]
    assert place.kept() == [letter]
    assert place.etag(name) == before


def test_without_letters_it_says_so(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.run() == []
    assert capsys.readouterr().out == f"no dead letters in {place.letters.url}\n"


def test_a_container_that_is_not_there_is_one_line(place: Place) -> None:
    missing = Containers(f"{place.letters.url}x", place.uploads.url)
    with pytest.raises(ReplayError, match=r"cannot be read: The specified container does not exist"):
        replay(missing, place.entra.credential(), dry_run=False)


def test_a_stacks_outputs_say_where_to_look() -> None:
    outputs = {"uploadTo": "https://l.blob.core.windows.net/raw", "resultsIn": "https://m.blob.core.windows.net/"}
    assert Containers.of_outputs(json.dumps(outputs)) == Containers(
        "https://m.blob.core.windows.net/dead-letters", "https://l.blob.core.windows.net/raw"
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"uploadTo": 1, "resultsIn": 2}'])
def test_anything_else_on_standard_input_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="standard input does not hold a stack's outputs"):
        Containers.of_outputs(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--uploads", "https://l/raw"], "--dead-letters and --uploads belong together"),
        (["--uploads", "http://l/raw", "--dead-letters", "https://m/d"], "--uploads is 'http://l/raw'; allowed:"),
        (["--uploads", "https://l/raw", "--dead-letters", "https://m"], "--dead-letters is 'https://m'; allowed:"),
        ([], "standard input does not hold a stack's outputs"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["operations", "replay", *arguments])
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(SystemExit) as ended:
        command.run()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
