"""Strangers are refused: other names, other pages, used links, and browsers without the cookie."""

import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext

from tests.redactor.page.conftest import Served, serving

type NewContext = Callable[..., BrowserContext]

LISTED = "/api/videos"
SECONDS = 60.0  # until an answer; machines are busy

pytestmark = pytest.mark.video


@pytest.fixture(scope="module")
def served(analysed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("guarded") / "two"
    shutil.copytree(analysed, folder)
    with serving(folder / "two.mp4") as running:
        yield running


@pytest.fixture(scope="module")
def entered(served: Served) -> tuple[httpx.Cookies, str]:
    """The cookie that the link's token got, and the token."""
    origin = served.address.rstrip("/")
    token = served.link.partition("#token=")[2]
    answer = httpx.post(f"{origin}/api/session", json={"token": token}, headers={"Origin": origin}, timeout=SECONDS)
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    return answer.cookies, token


@pytest.fixture
def client(served: Served, entered: tuple[httpx.Cookies, str]) -> Iterator[httpx.Client]:
    """A client that has entered, and sends what a browser sends from the page itself."""
    origin = served.address.rstrip("/")
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=origin, headers=headers, cookies=entered[0], timeout=SECONDS) as made:
        yield made


def test_the_page_itself_is_let_in(client: httpx.Client) -> None:
    assert client.get(LISTED).json()[0]["name"] == "two.mp4"


def test_without_the_cookie_nothing_of_the_interface_answers(client: httpx.Client, served: Served) -> None:
    client.cookies.clear()
    paths = [LISTED, "/api/session", *(f"{LISTED}/1/{name}" for name in ("regions", "decisions", "media/video"))]
    assert {client.get(path).status_code for path in paths} == {401}
    assert client.put(f"{LISTED}/1/decisions", json={}).status_code == 401
    assert client.post("/api/links").status_code == 401


def test_a_link_works_once(client: httpx.Client, entered: tuple[httpx.Cookies, str]) -> None:
    another = client.post("/api/links").json()["address"].partition("#token=")[2]
    client.cookies.clear()
    statuses = [
        client.post("/api/session", json={"token": token}).status_code for token in (entered[1], another, another)
    ]
    assert statuses == [401, 204, 401]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
def test_a_name_that_was_bound_to_this_machine_is_refused(client: httpx.Client, served: Served, host: str) -> None:
    port = served.address.rsplit(":", 1)[1].rstrip("/")
    assert client.get(LISTED, headers={"Host": host.format(port=port)}).status_code in {400, 421}


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null", "https://127.0.0.1"])
def test_requests_of_other_pages_are_refused(client: httpx.Client, origin: str) -> None:
    assert client.get(LISTED, headers={"Origin": origin}).status_code == 403
    assert client.post(f"{LISTED}/1/analysis", headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_embedded_requests_of_other_sites_are_refused(client: httpx.Client, site: str) -> None:
    del client.headers["Origin"]
    assert client.get(f"{LISTED}/1/media/video", headers={"Sec-Fetch-Site": site}).status_code == 403


def test_a_change_that_names_no_page_is_refused(client: httpx.Client) -> None:
    del client.headers["Origin"]
    assert client.post(f"{LISTED}/1/analysis").status_code == 403


def test_every_answer_has_the_headers_of_safety(client: httpx.Client) -> None:
    for path in ("/", LISTED, "/nothing", f"{LISTED}/99"):
        policy = client.get(path).headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


def test_the_page_has_no_inline_script_or_style_and_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/").text
    assert "<style" not in page
    assert "style=" not in page
    assert page.count("<script") == page.count('<script type="module" crossorigin src="./assets/')
    assert "http" not in page


def test_only_the_loopback_interface_is_served(served: Served) -> None:
    import psutil

    listening = [one for one in psutil.Process(served.process.pid).net_connections() if one.status == "LISTEN"]
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}


class _Evil(http.server.BaseHTTPRequestHandler):
    page = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.page.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Suppress the log."""


EVIL = """<!doctype html><script>
const target = "%s";
const outcome = {};
const tried = (name, promise) => promise.then(
  value => { outcome[name] = value; },
  () => { outcome[name] = "refused"; },
);
const media = (kind, path) => new Promise((done, fail) => {
  const element = document.createElement(kind);
  element.onload = element.onloadedmetadata = () => done("loaded");
  element.onerror = fail;
  element.src = target + path;
  document.body.append(element);
});
const json = {"Content-Type": "application/json"};
window.result = () => Promise.all([
  tried("read", fetch(target + "api/videos", {credentials: "include"}).then(answer => answer.text())),
  tried("blind", fetch(target + "api/videos", {credentials: "include", mode: "no-cors"}).then(() => "answered")),
  tried("change", fetch(target + "api/videos/1/approval",
    {method: "POST", body: '{"tag": "x"}', credentials: "include", headers: json}).then(answer => answer.text())),
  tried("image", media("img", "api/videos/1/people/1/thumbnail")),
  tried("video", media("video", "api/videos/1/media/video")),
  tried("script", media("script", "assets/index.js")),
]).then(() => outcome);
</script><body></body>"""


@pytest.mark.browser
def test_a_foreign_page_in_the_same_browser_can_do_nothing(
    new_context: NewContext, client: httpx.Client, served: Served
) -> None:
    context = new_context(errors_expected=True)
    page = context.new_page()
    page.goto(client.post("/api/links").json()["address"])
    page.locator(".editor").wait_for()
    handler = type("Handler", (_Evil,), {"page": EVIL % served.address})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            evil = context.new_page()
            evil.goto(f"http://127.0.0.1:{server.server_port}/")
            # Both are on 127.0.0.1, which a browser counts as one site: the cookie's SameSite does not help here.
            outcome = evil.evaluate("window.result()")
        finally:
            server.shutdown()
            thread.join()
    assert set(outcome.values()) == {"refused"}
