import pytest

from mediaservice.names import file_of_path, file_of_url, name_problem, redacted_name


@pytest.mark.parametrize("name", ["a", "job-1", "Faces 2026", "raw:20260131", "ü", "a" * 260, "#1"])
def test_names_that_the_service_took(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize("name", ["", "a" * 261, *(f"a{bad}b" for bad in "<>%&\\?/*+.'"), "a\nb"])
def test_names_that_it_refused(name: str) -> None:
    assert name_problem(name)


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("https://h/c/clip.mp4?sig=x/y", "clip.mp4"),
        ("https://h/c/deep/er/my%20f%C3%BCr.v2.MOV", "my für.v2.MOV"),
        ("https://h/c/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("https://h/c/a%5Cb%00.mp4", "b.mp4"),
        ("https://h/", "video"),
    ],
)
def test_the_file_that_an_address_names(url: str, file: str) -> None:
    assert file_of_url(url) == file


def test_the_output_is_called_after_the_input() -> None:
    assert redacted_name("my für.v2.MOV") == "my für.v2_redacted.mp4"
    assert len(redacted_name(file_of_path("x" * 5000 + ".mp4"))) < 300


def test_the_file_of_an_address_that_was_encoded_as_a_whole_is_called_without_its_signature() -> None:
    assert file_of_url("https://h/raw/a.mp4%3Fsv=1&sig=SECRET") == "a.mp4"
    assert file_of_url("https://h/raw/a%3Fb&c=1.mp4") == "a?b&c=1.mp4"
