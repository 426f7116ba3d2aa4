import pytest

from trigger.address import BlobEndpoint, locate
from trigger.outcomes import Refused

BLOB = "https://lake1.blob.core.windows.net"
DFS = "https://lake1.dfs.core.windows.net"


def find(url: str, name: str | None = None, blob: str = BLOB, dfs: str = DFS) -> tuple[str, str, str]:
    subject = "" if name is None else f"/blobServices/default/containers/raw/blobs/{name}"
    found = locate(url, subject, BlobEndpoint(blob), BlobEndpoint(dfs))
    return found.container, found.name, found.url


@pytest.mark.parametrize(
    ("spelling", "name", "encoded"),
    [
        ("party.mp4", "party.mp4", "party.mp4"),
        ("2026/11/party.mp4", "2026/11/party.mp4", "2026/11/party.mp4"),
        ("my party.mp4", "my party.mp4", "my%20party.mp4"),
        ("my%20party.mp4", "my party.mp4", "my%20party.mp4"),
        ("über.mp4", "über.mp4", "%C3%BCber.mp4"),
        ("%C3%BCber.mp4", "über.mp4", "%C3%BCber.mp4"),
        ("%c3%bcber.mp4", "über.mp4", "%C3%BCber.mp4"),
        ("視頻.mp4", "視頻.mp4", "%E8%A6%96%E9%A0%BB.mp4"),
        ("%E8%A6%96%E9%A0%BB.mp4", "視頻.mp4", "%E8%A6%96%E9%A0%BB.mp4"),
        ("100%.mp4", "100%.mp4", "100%25.mp4"),
        ("100%25.mp4", "100%.mp4", "100%25.mp4"),
        ("a%20b.mp4", "a%20b.mp4", "a%2520b.mp4"),
        ("a%2520b.mp4", "a%20b.mp4", "a%2520b.mp4"),
        ("a+b.mp4", "a+b.mp4", "a%2Bb.mp4"),
        ("a%2Bb.mp4", "a+b.mp4", "a%2Bb.mp4"),
        ("take#2.mp4", "take#2.mp4", "take%232.mp4"),
        ("take%232.mp4", "take#2.mp4", "take%232.mp4"),
        ("who?.mp4", "who?.mp4", "who%3F.mp4"),
        ("who%3F.mp4", "who?.mp4", "who%3F.mp4"),
        ("a//b.mp4", "a//b.mp4", "a//b.mp4"),
        ("it's (1) & more.mp4", "it's (1) & more.mp4", "it%27s%20%281%29%20%26%20more.mp4"),
        ("🎬.mp4", "🎬.mp4", "%F0%9F%8E%AC.mp4"),
    ],
)
def test_one_blob_has_one_address_however_the_event_spells_it(spelling: str, name: str, encoded: str) -> None:
    for endpoint in (BLOB, DFS):
        assert find(f"{endpoint}/raw/{spelling}", name) == ("raw", name, f"{BLOB}/raw/{encoded}")


@pytest.mark.parametrize(
    ("spelling", "subject_name", "name"),
    [
        ("my%20party.mp4", None, "my party.mp4"),
        ("100%.mp4", None, "100%.mp4"),
        ("%F0%9F%8E%AC.mp4", "\ufffd\ufffd.mp4", "🎬.mp4"),
    ],
)
def test_takes_the_address_for_encoded_when_the_subject_does_not_help(
    spelling: str, subject_name: str | None, name: str
) -> None:
    assert find(f"{BLOB}/raw/{spelling}", subject_name)[1] == name


@pytest.mark.parametrize(
    ("blob", "dfs", "url"),
    [
        (
            "https://lake1.blob.core.chinacloudapi.cn",
            "https://lake1.dfs.core.chinacloudapi.cn",
            "https://lake1.dfs.core.chinacloudapi.cn/raw/party.mp4",
        ),
        (
            "https://lake1.z22.blob.storage.azure.net",
            "https://lake1.z22.dfs.storage.azure.net",
            "https://lake1.z22.blob.storage.azure.net/raw/party.mp4",
        ),
        (
            "https://127.0.0.1:10000/lake1",
            "https://127.0.0.1:10000/lake1",
            "https://127.0.0.1:10000/lake1/raw/party.mp4",
        ),
        (BLOB, DFS, "HTTPS://Lake1.Blob.Core.Windows.Net:443/raw/party.mp4"),
        (BLOB + ":443", DFS, BLOB + "/raw/party.mp4"),
    ],
)
def test_knows_the_account_under_any_cloud_s_hosts(blob: str, dfs: str, url: str) -> None:
    assert find(url, "party.mp4", blob, dfs) == ("raw", "party.mp4", f"{blob}/raw/party.mp4")


@pytest.mark.parametrize(
    "url",
    [
        "https://lake2.blob.core.windows.net/raw/party.mp4",
        "https://lake1.blob.core.windows.net.evil.example/raw/party.mp4",
        "https://evil.example/https://lake1.blob.core.windows.net/raw/party.mp4",
        "https://lake1.blob.core.windows.net@evil.example/raw/party.mp4",
        "http://lake1.blob.core.windows.net/raw/party.mp4",
        "https://lake1.file.core.windows.net/raw/party.mp4",
        "party.mp4",
        "",
    ],
)
def test_refuses_an_address_outside_the_lake(url: str) -> None:
    with pytest.raises(Refused, match="is not under"):
        find(url, "party.mp4")


@pytest.mark.parametrize(
    ("spelling", "subject_name"),
    [
        ("../other/party.mp4", "../other/party.mp4"),
        ("%2e%2e/other/party.mp4", "../other/party.mp4"),
        ("a/./party.mp4", "a/./party.mp4"),
        ("party.mp4?sv=1", "party.mp4"),
        ("party.mp4#x", "other.mp4"),
        ("%FF.mp4", None),
        ("\ud83d.mp4", "\ud83d.mp4"),
    ],
)
def test_refuses_what_no_address_can_carry(spelling: str, subject_name: str | None) -> None:
    with pytest.raises(Refused):
        find(f"{BLOB}/raw/{spelling}", subject_name)
