"""Drawn things are followed one at a time, however many the page asks for."""

from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import psutil
import pytest

from tests.redactor.page.conftest import Serve

pytestmark = pytest.mark.video

SECONDS = 120.0  # until an answer; machines are busy
DRAWING = {"keyframes": [{"time": 0, "box": {"x": 0.2, "y": 0.4, "width": 0.1, "height": 0.2}}]}


def test_one_thing_is_followed_at_a_time(two: Path, serve: Serve) -> None:
    served = serve(two)
    origin = served.address.rstrip("/")
    with httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=SECONDS) as client:
        client.post("/api/session", json={"token": served.link.partition("#token=")[2]}).raise_for_status()
        while "media" not in client.get("/api/videos/1").json():
            pass  # the work at the start reads the video too
        process, readings = psutil.Process(served.process.pid), 0
        with ThreadPoolExecutor(6) as pool:
            asked = [pool.submit(client.post, "/api/videos/1/path", json=DRAWING) for _ in range(6)]
            while wait(asked, timeout=0.001).not_done:
                readings = max(readings, sum(one.path == str(two) for one in process.open_files()))
    assert readings == 1
    paths = [one.result().raise_for_status().json() for one in asked]
    assert paths[0]["first"] == 0
    assert paths[0]["boxes"][0]
    assert all(path == paths[0] for path in paths)
