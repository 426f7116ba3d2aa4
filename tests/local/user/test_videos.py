import os
from pathlib import Path

import av
import numpy as np
import pytest

from local.graph.program import Stack
from local.user.videos import UsageError, check_videos, expanded

pytestmark = pytest.mark.video

DEV = Stack("face-redaction", "dev", {"face-redaction:uploadEndings": '[".mp4", ".MOV"]'})


def video(path: Path) -> Path:
    """Some frames of black."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    return path


def sound(path: Path) -> Path:
    """A file with an audio stream alone."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def refusal(*paths: Path) -> str:
    with pytest.raises(UsageError) as refused:
        check_videos(paths, DEV)
    (line,) = str(refused.value).splitlines()
    return line


def test_videos_with_one_of_the_stacks_endings_pass(tmp_path: Path) -> None:
    check_videos([video(tmp_path / "a.mp4"), video(tmp_path / "B.MP4"), video(tmp_path / "c.mov")], DEV)


def test_what_is_no_video_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("Dear all,\n" * 50)
    expected = {
        tmp_path / "missing.mp4": "does not exist",
        tmp_path: "is not a file",
        tmp_path / "empty.mp4": "is empty",
        tmp_path / "text.mp4": "is not a video",
        sound(tmp_path / "sound.mp4"): "has no video in it",
    }
    for path, reason in expected.items():
        assert refusal(path).startswith(f"{path} {reason}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_of_somebody_else_is_named(tmp_path: Path) -> None:
    path = video(tmp_path / "secret.mp4")
    path.chmod(0)
    assert refusal(path) == f"{path} cannot be read: permission denied"


def test_an_ending_that_the_stack_does_not_redact_is_reported_with_those_it_does(tmp_path: Path) -> None:
    path = video(tmp_path / "film.mkv")
    assert refusal(path).startswith(f"{path} is not among what the stack dev redacts; allowed endings: .mp4, .mov")


def test_a_result_is_not_redacted_again(tmp_path: Path) -> None:
    path = video(tmp_path / "party_REDACTED.mp4")
    assert refusal(path).startswith(f"{path} is named like a result")


def test_two_videos_that_would_come_back_under_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    first, second = video(tmp_path / "party.mp4"), video(tmp_path / "b" / "Party.mov")
    assert str(first) in refusal(first, second)
    assert str(second) in refusal(first, second)


def test_a_malformed_list_of_endings_is_left_to_the_program_to_report(tmp_path: Path) -> None:
    check_videos([video(tmp_path / "a.mp4")], Stack("face-redaction", "dev", {"face-redaction:uploadEndings": "[.mp4"}))


def test_endings_may_be_separated_by_commas(tmp_path: Path) -> None:
    stack = Stack("face-redaction", "dev", {"face-redaction:uploadEndings": ".mov, .MP4"})
    check_videos([video(tmp_path / "a.mp4")], stack)


def test_folders_and_patterns_stand_for_their_videos(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MOV", "a_redacted.mp4", "notes.txt", "party [1].mp4"):
        (tmp_path / name).touch()
    a, b, party = tmp_path / "a.MOV", tmp_path / "b.mp4", tmp_path / "party [1].mp4"
    assert expanded([tmp_path], DEV) == [a, b, party]
    assert expanded([tmp_path / "[ab]*"], DEV) == [a, b]
    assert expanded([party, tmp_path / "missing.mp4"], DEV) == [party, tmp_path / "missing.mp4"]


def test_a_folder_or_a_pattern_without_a_video_is_named(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "*.mp4"):
        with pytest.raises(
            UsageError, match="has no video in it; allowed: a video file, a folder of them, or a pattern"
        ):
            expanded([place], DEV)
