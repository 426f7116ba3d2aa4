import re

import pytest

from trigger.address import BlobAddress, BlobEndpoint
from trigger.names import job_name
from trigger.upload import Upload

LAKE = BlobEndpoint("https://lake1.blob.core.windows.net")


def named(blob: str, etag: str = "0x1", event_id: str = "e") -> str:
    return job_name(
        Upload(
            BlobAddress.under(LAKE, "raw", blob),
            etag,
            event_id,
        )
    )


@pytest.mark.parametrize(
    ("blob", "slug"),
    [
        ("party.mp4", "party"),
        ("2026/11/My Party (1).mp4", "my-party-1"),
        ("über.mp4", "uber"),
        ("視頻.mp4", "video"),
        ("видео 7.mp4", "7"),
        ("100%.mp4", "100"),
        ("a:b*c?.mp4", "a-b-c"),
        ("--.mp4", "video"),
        (".mp4", "mp4"),
        ("x" * 1000 + ".mp4", "x" * 40),
        ("a" * 39 + " b.mp4", "a" * 39),
    ],
)
def test_says_what_was_uploaded_in_letters_digits_and_hyphens(blob: str, slug: str) -> None:
    assert re.fullmatch(re.escape(slug) + "-[0-9a-f]{32}", named(blob))


def test_the_same_upload_has_the_same_name_in_every_delivery() -> None:
    assert named("party.mp4", event_id="first") == named("party.mp4", event_id="second")


def test_uploads_that_differ_in_anything_have_different_names() -> None:
    uploads = [
        ("party.mp4", "0x1"),
        ("party.mp4", "0x2"),
        ("Party.mp4", "0x1"),
        ("a/party.mp4", "0x1"),
        ("party.mov", "0x1"),
        ("pärty.mp4", "0x1"),
    ]
    assert len({named(*upload) for upload in uploads}) == len(uploads)
