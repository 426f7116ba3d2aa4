"""The review's folder is closed to other users, also if it was there before."""

import json
import os
import stat
from pathlib import Path

import pytest

from redactor.errors import ConfigurationUnsupported
from redactor.page.files import Files

pytestmark = pytest.mark.video


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_folder_that_was_open_to_others_is_closed_with_its_files(two: Path) -> None:
    files = Files.of(two)
    files.folder.chmod(0o755)
    files.annotations.chmod(0o644)
    outside = two.with_name("outside.txt")
    outside.write_text("linked")
    outside.chmod(0o644)
    (files.folder / "link.txt").symlink_to(outside)
    files.make_folder()
    files.read_decisions()
    files.write_approval({})
    assert mode(files.folder) == 0o700
    assert {mode(one) for one in files.folder.iterdir() if not one.is_symlink()} == {0o600}
    assert mode(outside) == 0o644


def test_what_is_written_is_the_owner_s_alone_without_a_look_at_the_mask(two: Path) -> None:
    before = os.umask(0)
    try:
        Files.of(two).write_approval({"by": "me"})
    finally:
        os.umask(before)
    assert mode(Files.of(two).approval) == 0o600
    assert json.loads(Files.of(two).approval.read_text()) == {"by": "me"}


def test_a_link_in_the_folder_s_place_is_refused(two: Path) -> None:
    elsewhere = two.with_name("elsewhere")
    elsewhere.mkdir(mode=0o755)
    elsewhere.chmod(0o755)
    video = two.with_name("other.mp4")
    Files.of(video).folder.symlink_to(elsewhere)
    with pytest.raises(ConfigurationUnsupported, match="is a link, must be a folder"):
        Files.of(video).make_folder()
    assert mode(elsewhere) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_user_s_folder_is_refused(two: Path) -> None:
    os.chown(Files.of(two).folder, 12345, -1)
    with pytest.raises(ConfigurationUnsupported, match="belongs to another user"):
        Files.of(two).make_folder()


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "party_review").write_text("mine")
    with pytest.raises(ConfigurationUnsupported, match="party_review: cannot be made"):
        Files.of(tmp_path / "party.mp4").make_folder()
