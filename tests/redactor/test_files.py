"""A folder or a pattern as input: each file has a line, and all have a summary."""

import json
import shutil
from pathlib import Path

import pytest

from redactor.cli import app


@pytest.fixture
def folder(walking_clip: Path, tmp_path: Path) -> Path:
    """Two videos, a text that is called one, notes, and an earlier result."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("b.mp4", "a.MOV", "a_redacted.mp4"):
        shutil.copy(walking_clip, folder / name)
    (folder / "c.mp4").write_text("not a video")
    (folder / "notes.txt").write_text("")
    return folder


def run(*arguments: str | Path) -> int:
    return int(app([*map(str, arguments)], standalone_mode=False) or 0)


def test_a_folder_is_redacted_file_by_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("redact", folder, tmp_path / "out", "--quality", "fast") == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        str(tmp_path / "out" / "a_redacted.mp4"),
        str(tmp_path / "out" / "b_redacted.mp4"),
        "error",
        "2 of 3 files done",
    ]
    assert "40 frames" in lines[0]
    assert "c.mp4: not a video" in lines[2]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_redacted.mp4", "b_redacted.mp4"]


def test_a_pattern_is_analysed_into_folders(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("analyze", folder / "[ab]*", tmp_path / "out", "--quality", "fast", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["file"], line["result"]["faces"]) for line in lines] == [
        (str(folder / "a.MOV"), 1),
        (str(folder / "b.mp4"), 1),
    ]
    for name in "ab":
        assert {f"{name}_annotations.json", "index.html"} <= {path.name for path in (tmp_path / "out" / name).iterdir()}


def test_one_video_is_analysed_into_a_folder_of_its_name(walking_clip: Path, tmp_path: Path) -> None:
    assert run("analyze", walking_clip, tmp_path, "--folders", "--quality", "fast", "--progress", "none") == 0
    assert (tmp_path / "walk" / "walk_annotations.json").exists()


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(walking_clip: Path, tmp_path: Path) -> None:
    clip = shutil.copy(walking_clip, tmp_path / "party [1].mp4")
    assert run("redact", clip, tmp_path / "out.mp4", "--quality", "fast", "--progress", "none") == 0
    assert (tmp_path / "out.mp4").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("redact", "{folder}/*.mkv", "{out}"), "*.mkv: no videos or pictures there"),
        (("redact", "{empty}", "{out}"), "empty: no videos or pictures there"),
        (("redact", "{twins}", "{out}"), "would have results of one name; rename one"),
        (
            ("redact", "{folder}", "{out}", "--decisions", "d.json"),
            "--decisions: is for one video, and {folder} is sev",
        ),
        (
            ("analyze", "{folder}", "{out}", "--preview", "p.png"),
            "--preview: is for one video, and {folder} is several",
        ),
        (("redact", "{folder}", "{folder}/notes.txt"), "notes.txt: cannot be made (File exists)"),
    ],
)
def test_mistakes_end_in_one_line(
    arguments: tuple[str, ...],
    message: str,
    folder: Path,
    walking_clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {name: tmp_path / name for name in ("empty", "twins", "out")} | {"folder": folder}
    for name in ("empty", "twins"):
        places[name].mkdir()
    for suffix in ("mp4", "mov"):
        shutil.copy(walking_clip, places["twins"] / f"walk.{suffix}")
    assert run(*(part.format(**places) for part in arguments)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message.format(**places) in line
    assert not (tmp_path / "out").exists()
