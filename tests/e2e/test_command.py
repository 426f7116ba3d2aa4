"""The output of `python -m local redact` and `up`."""

import os
import re
import signal
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import cv2
import httpx
import pytest

from local.services.people import PEOPLE
from tests import sign_in
from tests.e2e.clips import frames_with_faces, make_clip, read_video
from tests.e2e.command import PROGRAM, Command
from tests.e2e.user import WITHIN_SECONDS, until


def test_a_video_comes_back_with_a_picture_and_the_figures(tmp_path: Path) -> None:
    clip, out = make_clip(tmp_path / "Straßenfest 1.mp4"), tmp_path / "out"
    with Command(tmp_path, "redact", clip, "--out", out) as command:
        assert command.wait(WITHIN_SECONDS) == 0
        assert (command.children(), command.temporary_files()) == ([], [])
    redacted, picture = out / "Straßenfest 1_redacted.mp4", out / "Straßenfest 1_before_after.png"
    assert sorted(out.iterdir()) == [picture, redacted]
    assert read_video(redacted).times == read_video(clip).times
    assert frames_with_faces(read_video(redacted).pictures) == []
    assert cv2.imread(str(picture)) is not None
    assert command.errors == ""
    assert str(redacted) in command.output
    assert str(picture) in command.output
    assert "1 face track on 25 of 25 frames" in command.output
    for stage in ("local cloud up", "uploaded", "event delivered", "job queued", "processing", "downloaded"):
        assert re.search(rf"{stage} \d+\.\d s", command.output)


def test_videos_of_several_endings_come_back(tmp_path: Path) -> None:
    clip, out = make_clip(tmp_path / "a.mp4"), tmp_path / "out"
    other = tmp_path / "b.MOV"
    other.write_bytes(clip.read_bytes())
    endings = 'uploadEndings=[".mp4", ".mov"]'
    with Command(tmp_path, "redact", "--config", endings, "--out", out, other, clip) as command:
        assert command.wait(WITHIN_SECONDS) == 0
    assert {file.name for file in out.glob("*.mp4")} == {"a_redacted.mp4", "b_redacted.mp4"}


def missing(path: Path) -> None:
    """There is no file."""


def unreadable(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    path.write_bytes(b"secret")
    path.chmod(0)


def text(path: Path) -> None:
    path.write_text("Dear all,\n" * 50)


def video(path: Path) -> None:
    make_clip(path, frames=2)


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("missing.mp4", missing, "does not exist"),
        ("secret.mp4", unreadable, "cannot be read: permission denied"),
        ("letter.mp4", text, "is not a video"),
        ("film.mkv", video, "allowed endings: .mp4"),
    ],
)
def test_videos_that_cannot_be_redacted_are_reported_in_one_line_before_anything_starts(
    tmp_path: Path, name: str, write: Callable[[Path], None], said: str
) -> None:
    path, out = tmp_path / name, tmp_path / "out"
    write(path)
    with Command(tmp_path, "redact", path, "--out", out) as command:
        assert command.wait(WITHIN_SECONDS) == 2
    (line,) = command.errors.splitlines()
    assert line.startswith(str(path))
    assert said in line
    assert command.output == ""
    assert not out.exists()


PAGE = "http://localhost:5173/review"

# A program that knows nothing of this cloud but what the printed block says.
CLIENT = """
import os
from azure.identity import DefaultAzureCredential
from azure.mgmt.media import AzureMediaServices
from azure.storage.blob import BlobServiceClient

credential = DefaultAzureCredential()
at = os.environ["AZURE_RESOURCE_GROUP"], os.environ["MEDIA_ACCOUNT"]
media = AzureMediaServices(
    credential,
    os.environ["AZURE_SUBSCRIPTION_ID"],
    base_url=os.environ["MEDIA_ENDPOINT"],
    credential_scopes=[os.environ["MEDIA_AUDIENCE"] + "/.default"],
)
(job,) = media.jobs.list(*at, os.environ["MEDIA_TRANSFORM"])
container = media.assets.get(*at, job.outputs[0].asset_name).container
results = BlobServiceClient(os.environ["RESULTS_IN"], credential).get_container_client(container)
(name,) = results.list_blob_names()
assert results.download_blob(name).readall()
print(job.state, name)
"""


def python(program: str, exports: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a shell with the printed variables."""
    script = f'{exports}\nexec "$0" -c "$1"'
    command = ["/bin/sh", "-c", script, sys.executable, program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def replay(access: Path) -> tuple[int, str]:
    """Run it as `make replay STACK=local` does. Return the exit code and the beginning of the output."""
    script = f". {access}/login && {sys.executable} -m operations replay --dry-run <{access}/outputs.json"
    done = subprocess.run(["/bin/sh", "-c", script], cwd=PROGRAM, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).partition(" in https://")[0]


def answers_to_people(said: str, trusted: str) -> dict[str, tuple[int, int]]:
    """Sign people in by what is printed. Return the statuses of their reading and writing, by role."""
    settings = re.search(r"  authority (\S+)   client (\S+)\n  scope (\S+)\n", said)
    exported = dict(re.findall(r"^export ([A-Z_]+)=(.*)$", said, re.MULTILINE))
    assert settings
    authority, client_id, scope = settings.groups()
    account = (
        f"{exported['MEDIA_ENDPOINT']}/subscriptions/{exported['AZURE_SUBSCRIPTION_ID']}/resourceGroups/"
        f"{exported['AZURE_RESOURCE_GROUP']}/providers/Microsoft.Media/mediaServices/{exported['MEDIA_ACCOUNT']}"
    )
    found = {}
    with httpx.Client(verify=ssl.create_default_context(cafile=trusted), timeout=30) as http:
        for person in (PEOPLE[0], PEOPLE[-1]):
            answer = sign_in.choose(http, sign_in.asked(authority, client_id, PAGE, scope), person)
            code = sign_in.returned(answer, PAGE)["code"]
            token = sign_in.redeemed(http, authority, client_id, PAGE, code).json()["access_token"]
            bearer = {"Authorization": f"Bearer {token}"}
            read = http.get(f"{account}/assets?api-version=2022-07-01", headers=bearer)
            written = http.put(f"{account}/assets/one?api-version=2022-07-01", json={}, headers=bearer)
            found[person.roles[-1]] = read.status_code, written.status_code
    return found


def test_the_cloud_kept_up_takes_uploads_as_it_says(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "party.mp4", frames=5)
    with Command(
        tmp_path, "up", "--data", tmp_path / "data", "--access", tmp_path / "access", "--page", PAGE
    ) as command:
        until(lambda: "Ctrl-C stops everything" in command.output)
        trusted = re.search(r"REQUESTS_CA_BUNDLE='(.+)'", command.output)
        assert trusted
        block = "".join(re.findall(r"^ *export [A-Z_]+=.*\n", command.output, re.MULTILINE))
        printed = re.search(r"^Python\n((?:  .+\n)+)", command.output, re.MULTILINE)
        assert printed
        uploaded = python(textwrap.dedent(printed[1]), block, clip.parent)
        assert uploaded.returncode == 0, uploaded.stderr
        until(lambda: "raw/party.mp4: redacted: https://" in command.output)
        assert replay(tmp_path / "access") == (0, "no dead letters")
        done = python(CLIENT, block, tmp_path)
        assert (done.stdout, done.returncode) == ("Finished party_redacted.mp4\n", 0), done.stderr
        assert answers_to_people(command.output, trusted[1]) == {"Reader": (200, 403), "Approver": (200, 403)}
        command.send(signal.SIGINT)
        assert command.wait(WITHIN_SECONDS) == 130
        assert (command.children(), command.temporary_files()) == ([], [])
    assert command.errors == "stopped\n"
    assert list((tmp_path / "access").iterdir()) == []
