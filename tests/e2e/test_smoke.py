"""`make smoke` with the code for Azure, here on the local cloud."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from local.cloud import Cloud, Options
from local.user.sample import sample_clip
from operations.errors import OperationError, UsageError
from operations.outputs import StackOutputs
from operations.records import Records
from operations.smoke import Patience, smoke
from tests.e2e.clips import read_video

PATIENCE = Patience(job=60, end=180)
BRIEF = Patience(job=2, end=2)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(Options(stack="dev")) as running:
        yield running


@pytest.fixture(scope="module")
def outputs(cloud: Cloud) -> StackOutputs:
    """The stack's outputs, in the form of `pulumi stack output --json`."""
    return StackOutputs.read(json.dumps(dict(cloud.graph.exports)))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_clip(tmp_path_factory.mktemp("clip"))


def send(
    cloud: Cloud, outputs: StackOutputs, video: Path, out: Path, patience: Patience, credential: Any = None
) -> tuple[list[Path], list[str]]:
    """Run the command's code; the result's files, and the reported lines."""
    said: list[str] = []
    login = credential or cloud.entra.credential()
    with Records(outputs, login) as records:
        return smoke(outputs, login, records, video, out, report=said.append, patience=patience), said


def uploads(cloud: Cloud, outputs: StackOutputs) -> list[str]:
    with ContainerClient.from_container_url(outputs.upload_to, cloud.entra.credential()) as container:
        return list(container.list_blob_names())


def test_a_clip_goes_through_every_part_and_comes_back(
    cloud: Cloud, outputs: StackOutputs, clip: Path, tmp_path: Path
) -> None:
    (path,), said = send(cloud, outputs, clip, tmp_path, PATIENCE)
    assert len(read_video(path).pictures) == len(read_video(clip).pictures)
    steps = [line.partition(" s: ")[2].split()[0].rstrip(":") for line in said if line.startswith("ok")]
    assert steps == ["login", "media", "upload", "event", "redaction", "result"]
    assert said[-1] == f"{path}: the stack works"
    assert not uploads(cloud, outputs)


def test_an_upload_that_makes_no_job_is_named_as_such_and_logged_once(
    cloud: Cloud, outputs: StackOutputs, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a video")
    with pytest.raises(OperationError) as failed:
        send(cloud, outputs, notes, tmp_path, BRIEF)
    assert str(failed.value).startswith("failed: event and function: the upload becomes a job: no job came within 2 s")
    assert not uploads(cloud, outputs)
    log = (cloud.logs / "function.log").read_text().splitlines()
    (passed,) = [line for line in log if "passed over" in line]
    assert "its name ends in none of .mp4, .mov, .m4v" in passed


def test_a_job_that_fails_is_named_with_its_reason(cloud: Cloud, outputs: StackOutputs, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all" * 100)
    with pytest.raises(OperationError, match=r"^failed: redaction: job .* ended in Error \(.+\); see docs"):
        send(cloud, outputs, broken, tmp_path, PATIENCE)


def test_somebody_without_an_app_role_learns_which_setting_gives_it(
    cloud: Cloud, outputs: StackOutputs, clip: Path, tmp_path: Path
) -> None:
    stranger = str(uuid.uuid4())
    cloud.entra.register(stranger, str(uuid.uuid4()))
    with pytest.raises(OperationError) as failed:
        send(cloud, outputs, clip, tmp_path, BRIEF, cloud.entra.credential(stranger))
    assert str(failed.value).startswith("failed: media service at https://")
    assert "does not have authorization" in str(failed.value)
    assert "`uploaders`" in str(failed.value)


def test_a_part_that_does_not_answer_is_named(cloud: Cloud, outputs: StackOutputs, clip: Path, tmp_path: Path) -> None:
    gone = StackOutputs(**{**vars(outputs), "media_endpoint": "https://127.0.0.1:9"})
    with pytest.raises(OperationError, match=r"^failed: media service at https://127\.0\.0\.1:9: "):
        send(cloud, gone, clip, tmp_path, BRIEF)


@pytest.mark.parametrize(("text", "said"), [("", ""), ("[]", ""), ('{"uploadTo": "https://a/raw"}', "'resultsIn'")])
def test_what_is_no_stacks_outputs_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"^standard input does not hold a stack's outputs") as refused:
        StackOutputs.read(text)
    assert said in str(refused.value)
