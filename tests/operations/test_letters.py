"""The blob that a dead letter is about, by its subject or its address."""

import pytest

from operations.letters import uploaded_blob

SUBJECT = "/blobServices/default/containers/raw/blobs/"
ADDRESS = "https://lake1.blob.core.windows.net/raw/2026/%C3%9Cber.mp4"


def test_the_subject_names_the_blob() -> None:
    assert uploaded_blob({"subject": f"{SUBJECT}2026/a.mp4"}) == ("raw", "2026/a.mp4")


@pytest.mark.parametrize(
    "data", [{"url": ADDRESS}, {"sourceUrl": "https://lake1.blob.core.windows.net/raw/old", "destinationUrl": ADDRESS}]
)
def test_a_character_that_the_subject_lacks_is_in_the_address_of_an_upload_or_a_rename(data: dict[str, str]) -> None:
    assert uploaded_blob({"subject": f"{SUBJECT}2026/\ufffdber.mp4", "data": data}) == ("raw", "2026/Über.mp4")


@pytest.mark.parametrize(
    "event",
    [{}, {"subject": 1}, {"subject": "/else"}, {"subject": SUBJECT}, {"subject": f"{SUBJECT}\ufffd", "data": {}}],
)
def test_other_events_are_about_no_blob(event: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is no blob's subject|has no address"):
        uploaded_blob(event)
