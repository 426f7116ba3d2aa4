"""The command line, as people use it and as the media service's worker runs it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import pytest

import redactor

COMMAND = [sys.executable, "-m", "redactor"]
DEADLINE = 60


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=DEADLINE, check=False
    )


@pytest.fixture(scope="module")
def annotations(walking_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotations of the walking clip, written by the command."""
    folder = tmp_path_factory.mktemp("analysis")
    assert run("analyze", walking_clip, folder).returncode == 0
    return folder / f"{walking_clip.stem}_annotations.json"


def test_json_progress_ends_with_the_result(walking_clip: Path, tmp_path: Path) -> None:
    done = run("redact", walking_clip, tmp_path / "out.mp4", "--blur-type", "High", "--progress", "json")
    assert (done.returncode, done.stderr) == (0, "")
    *progress, last = [json.loads(line) for line in done.stdout.splitlines()]
    result = last["result"]
    assert (result["frames"], result["framesWithFaces"], result["faces"]) == (40, 40, 1)
    assert (result["width"], result["height"], result["audioStreams"]) == (320, 240, 1)
    assert result["seconds"] > 0
    assert result["detections"] > 0
    assert all(set(line) == {"progress", "frame", "frames"} for line in progress)
    assert [line["frame"] for line in progress] == sorted({line["frame"] for line in progress})
    assert (tmp_path / "out.mp4").stat().st_size > 0


def test_json_progress_ends_with_the_error(tmp_path: Path) -> None:
    source = tmp_path / "notes.mp4"
    source.write_text("not a video")
    done = run("redact", source, tmp_path / "out.mp4", "--progress", "json")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "ContentMalformed"
    assert error["message"].startswith("notes.mp4: not a video")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["redact"], "Missing argument"),
        (["redact", "missing.mp4", "out.mp4"], "missing.mp4: no such file"),
        (["redact", "missing.mp4", "out.mp4", "--blur-type", "Fog"], "'Box', 'Low', 'Med', 'High', 'Black'"),
        (["redact", "missing.mp4", "out.mp4", "--crf", "99"], "crf: 99 is not between 0 and 51"),
        (["redact", "missing.mp4", "out.mp4", "--mode", "redact"], "--mode redact: needs --annotations"),
        (["redact", "a.mp4", "b.mp4", "--mode", "redact", "--annotations", "c.json", "--ids", "1,x"], "'1,x'"),
        (["redact", "a.mp4", "b.mp4", "--ids", "1"], "ids: allowed only together with annotations"),
        (["redact", "a.mp4", "b.mp4", "--keep", "1"], "keep: allowed only together with annotations"),
        (["redact", "a.mp4", "b.mp4", "--ids", "1", "--id-list", "x"], "--ids and --id-list: only one of them"),
        (["redact", "a.mp4", "b.mp4", "--id-list", "missing.txt"], "missing.txt: cannot be read"),
        (["analyze", "missing.mp4", "."], "missing.mp4: no such file"),
        (["dance"], "No such command 'dance'"),
    ],
)
def test_mistakes_end_in_one_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr


def test_a_summary_is_printed_for_people(walking_clip: Path, tmp_path: Path) -> None:
    done = run("redact", walking_clip, tmp_path / "out.mp4")
    assert done.returncode == 0
    assert "40 frames" in done.stderr
    assert "1 face track in 40 frames" in done.stderr


def test_two_passes_by_command(walking_clip: Path, annotations: Path, tmp_path: Path) -> None:
    arguments = ["--mode", "redact", "--annotations", str(annotations), "--ids", "1", "--progress", "json"]
    done = run("redact", walking_clip, tmp_path / "out.mp4", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1])["result"]["framesWithFaces"] == 40


def test_a_summary_is_one_object_on_standard_output(walking_clip: Path, tmp_path: Path) -> None:
    done = run("analyze", walking_clip, tmp_path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)["result"]
    assert (result["frames"], result["faces"], result["tracks"]) == (40, 1, 1)
    assert result["framesPerSecond"] == pytest.approx(40 / result["seconds"], rel=0.01)
    stages = result["stageSeconds"]
    assert stages.keys() == {"decode", "analyse", "redact", "encode"}
    assert all(0 < stages[name] < result["seconds"] for name in ("decode", "analyse", "redact"))
    assert stages["encode"] == 0

    failed = run("redact", walking_clip, tmp_path / "out.avi", "--json")
    assert failed.returncode == 2
    assert json.loads(failed.stdout)["error"]["code"] == "ConfigurationUnsupported"


@pytest.mark.parametrize(
    ("content", "message"),
    [("1\r\n\r\n", None), ("\n", None), ("1\nx\n", "list.txt: line 2, 'x', is no id"), ("7", "7 is nobody")],
)
def test_ids_to_hide_are_read_from_a_file(
    content: str, message: str | None, walking_clip: Path, annotations: Path, tmp_path: Path
) -> None:
    chosen = tmp_path / "list.txt"
    chosen.write_text(content)
    arguments = ["--annotations", str(annotations), "--id-list", str(chosen), "--json"]
    done = run("redact", walking_clip, tmp_path / "out.mp4", "--mode", "redact", *arguments)
    said = json.loads(done.stdout)
    if message is None:
        assert said["result"]["framesWithFaces"] == 40
    else:
        assert done.returncode == 2
        assert message in said["error"]["message"]
        assert not (tmp_path / "out.mp4").exists()


def test_a_preview_is_drawn_of_what_was_written(walking_clip: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert run("redact", walking_clip, tmp_path / "out.mp4", "--preview", sheet).returncode == 0
    redacted = sheet.read_bytes()
    assert run("analyze", walking_clip, tmp_path, "--preview", sheet).returncode == 0
    assert redacted.startswith(b"\x89PNG")
    assert sheet.read_bytes() != redacted
    refused = run("redact", walking_clip, tmp_path / "other.mp4", "--preview", tmp_path / "sheet.jpg")
    assert (refused.returncode, "must end in .png" in refused.stderr) == (2, True)
    assert not (tmp_path / "other.mp4").exists()


def test_without_a_command_it_lists_the_commands() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (2, "")
    assert "analyze" in done.stdout


def test_help_shows_the_options_in_groups() -> None:
    help_page = run("redact", "--help").stdout
    found = [help_page.index(f"─ {group} ─") for group in ("Detection", "Covering", "Two passes", "Output")]
    assert found == sorted(found)
    assert found[0] < help_page.index("--quality") < found[1] < help_page.index("--blur-type") < found[2]


def test_its_version_is_the_packages() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"redactor {redactor.__version__}\n")


def test_help_loads_no_heavy_library() -> None:
    code = "import sys, redactor.cli; print([m for m in ('av', 'cv2', 'onnxruntime', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_within_two_seconds_and_leaves_nothing(
    number: signal.Signals, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    clip = make_clip(walk(40, 320, 240) * 10, recipe(audio=()))
    folder = tmp_path / "out"
    folder.mkdir()
    with subprocess.Popen(
        [*COMMAND, "redact", clip, folder / "out.mp4", "--progress", "json"], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["frame"] > 0  # it is running
        child.send_signal(number)
        asked = time.monotonic()
        assert child.wait(timeout=DEADLINE) == 128 + number
        assert time.monotonic() - asked < 2
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("length", [242, 255])
def test_a_name_may_be_as_long_as_file_systems_allow(length: int, walking_clip: Path, tmp_path: Path) -> None:
    name = "o" * (length - 4) + ".mp4"
    assert run("redact", walking_clip, tmp_path / name, "--json").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_place_that_cannot_be_written_is_refused_before_the_work(walking_clip: Path, tmp_path: Path) -> None:
    for target in (tmp_path / ("o" * 252 + ".mp4"), Path("/proc/out.mp4")):
        done = run("redact", walking_clip, target, "--progress", "json")
        assert done.returncode == 2
        assert "cannot be written" in done.stderr or "longer than 255 bytes" in done.stderr
        assert '"frame"' not in done.stdout


def test_progress_goes_by_bytes_where_the_length_is_not_known(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    """As in a WebM that was recorded into a pipe."""
    clip = make_clip(walk(60, 320, 240), recipe(name="clip.webm", codec="libvpx", audio=(), options={"b": "1M"}))
    live = tmp_path / "live.webm"
    with av.open(str(clip)) as one, av.open(str(live), "w", options={"live": "1"}) as other:
        copy = other.add_stream_from_template(one.streams.video[0])
        for packet in one.demux(video=0):
            if packet.size:
                packet.stream = copy
                other.mux(packet)
    seen: list[redactor.Progress] = []
    redactor.redact(live, tmp_path / "out.mp4", on_progress=seen.append)
    assert {progress.frames for progress in seen} == {None}
    shares = [progress.percent for progress in seen]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 100
    assert shares[-1] > 90


def test_an_interrupt_while_it_starts_leaves_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "redactor", "--help"], stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stderr is not None
        said = ""
        for line in child.stderr:
            said += line
            if "click" in line or "typer" in line:
                child.send_signal(signal.SIGINT)
                said += child.stderr.read()
                break
        child.wait(timeout=DEADLINE)
    assert child.returncode == -signal.SIGINT
    assert "Traceback" not in said
