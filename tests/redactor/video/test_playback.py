"""Outputs play to their end in a browser. Needs Chromium or Chrome, which CI's machines have."""

import functools
import http.server
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

import redactor

BROWSER = next((path for name in ("chromium", "google-chrome", "chrome") if (path := shutil.which(name))), None)
PATIENCE = 60  # seconds until all videos have been played; each lasts one
PAGE = """<!doctype html><body><script>
const names = %s;
const played = names.map(name => new Promise(done => {
    const video = document.createElement("video");
    const report = () => done({
        name, ended: video.ended, error: video.error ? video.error.message : null, duration: video.duration,
        width: video.videoWidth, height: video.videoHeight, frames: video.getVideoPlaybackQuality().totalVideoFrames,
    });
    video.muted = true;
    video.onended = video.onerror = report;
    video.src = name;
    document.body.append(video);
    video.play().catch(report);
}));
Promise.all(played).then(all => fetch("/played", {method: "POST", body: JSON.stringify(all)}));
</script>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder's files, and receives the page's report."""

    played: queue.SimpleQueue[Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()
        self.played.put(json.loads(body))

    def log_message(self, format: str, *args: Any) -> None:
        """Suppress the log."""


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, queue.SimpleQueue[Any]]]:
    Handler.played = queue.SimpleQueue()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", Handler.played
        finally:
            server.shutdown()
            thread.join()


def play(folder: Path, names: list[str], profile: Path) -> dict[str, dict[str, Any]]:
    """Play the folder's videos in a browser. Return its report on each."""
    assert BROWSER is not None
    (folder / "page.html").write_text(PAGE % json.dumps(names))
    with served(folder) as (address, played):
        command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
        command += ["--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", f"{address}/page.html"]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return {one["name"]: one for one in played.get(timeout=PATIENCE)}
        finally:
            browser.terminate()
            browser.wait()


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="neither Chromium nor Chrome is here")
def test_outputs_play_to_their_end_in_a_browser(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    times = [0, 512, 1024, 2048, 2560, 4096, 4608, 5120, 6144, 6656, 9216, 12288]
    recipes = {
        "plain.mp4": ((320, 240), recipe(name="plain_in.mp4")),
        "odd.mp4": ((161, 121), recipe(name="odd_in.mp4", pixel_format="yuv444p")),
        "turned.mp4": ((320, 240), recipe(name="turned_in.mp4", rotation=90)),
        "wide.mp4": ((160, 120), recipe(name="wide_in.mp4", aspect=Fraction(2))),
        "variable.mp4": ((160, 120), recipe(name="variable_in.mp4", times=times, audio=())),
        "late.mp4": ((160, 120), recipe(name="late_in.mp4", times=[6400 + 512 * index for index in range(12)])),
        "deep.mp4": ((160, 120), recipe(name="deep_in.mp4", pixel_format="yuv420p10le")),
        "full.mov": ((160, 120), recipe(name="full_in.mov", pixel_format="yuvj420p")),
        "matroska.mp4": (
            (160, 120),
            recipe(name="in.mkv", time_base=Fraction(1, 1000), audio=("libopus",), tone_rate=48000),
        ),
    }
    folder = tmp_path / "web"
    folder.mkdir()
    for name, (size, kind) in recipes.items():
        redactor.redact(make_clip(walk(12, *size), kind), folder / name)
    seen = play(folder, list(recipes), tmp_path_factory.mktemp("browser"))
    shown = {
        name: (one["error"], one["ended"], one["frames"], one["width"], one["height"]) for name, one in seen.items()
    }
    sizes = {name: size for name, (size, _) in recipes.items()} | {"turned.mp4": (240, 320), "wide.mp4": (320, 120)}
    assert shown == {name: (None, True, 12, *size) for name, size in sizes.items()}
    assert seen["variable.mp4"]["duration"] == pytest.approx(1.0, abs=0.05)
    assert seen["late.mp4"]["duration"] == pytest.approx(0.98, abs=0.03)
