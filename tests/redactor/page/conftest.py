"""Reviews of small clips in a real browser, served by a real process."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright
from skimage import data

import redactor
from redactor.geometry import Box

CHROMIUM = next((path for name in ("chromium", "google-chrome", "chrome") if (path := shutil.which(name))), None)
WIDTH, HEIGHT, FRAMES = 640, 360, 50
FACE = Box(168, 62, 280, 208)  # forehead to chin in the 512x512 astronaut
SCALE = 0.55
PATIENCE = 180_000  # milliseconds; machines are busy


def placed(frame: int, person: int) -> tuple[float, float]:
    """Return the left top corner of a person's picture: one on the left drifts, one on the right swings."""
    share = frame / FRAMES
    if person == 0:
        return 20 + 60 * share, 110
    return 350 + 30 * np.sin(6 * share), 100 + 30 * share


def face(frame: int, person: int) -> Box:
    """Return a face's place in the picture, in pixels."""
    x, y = placed(frame, person)
    return Box(FACE.left, FACE.top, FACE.right, FACE.bottom).stretched(SCALE, SCALE).moved(x, y)


def two_people() -> list[NDArray[np.uint8]]:
    """Return pictures of the astronaut twice, once in other colours and mirrored, whose face stays in place."""
    person = np.asarray(data.astronaut(), np.uint8)[:300]  # type: ignore[no-untyped-call]
    mirrored = person.copy()
    mirrored[:, 96:352] = person[:, 96:352][:, ::-1]  # about the face's axis
    tinted = np.clip(mirrored * np.array((0.8, 0.95, 1.15)), 0, 255).astype(np.uint8)
    pictures = []
    for frame in range(FRAMES):
        picture = np.full((HEIGHT, WIDTH, 3), (70, 90, 110), np.uint8)
        for number, pixels in enumerate((person, tinted)):
            x, y = placed(frame, number)
            to_frame = np.array([[SCALE, 0, x], [0, SCALE, y]], np.float32)
            cv2.warpAffine(pixels, to_frame, (WIDTH, HEIGHT), picture, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
        pictures.append(picture)
    return pictures


def pictures_of(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


def difference(before: NDArray[np.uint8], after: NDArray[np.uint8], box: Box) -> float:
    """Return the mean difference inside a box, in shades of 255. Encoding alone makes 1 to 3."""
    inner = box.scaled(0.7)
    rows, columns = slice(int(inner.top), int(inner.bottom)), slice(int(inner.left), int(inner.right))
    return float(np.abs(before[rows, columns].astype(int) - after[rows, columns]).mean())


@dataclass(frozen=True)
class Served:
    """A running review. `link` works once."""

    video: Path
    link: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return self.link.partition("#")[0]

    @property
    def folder(self) -> Path:
        return self.video.parent / f"{self.video.stem}_review"

    @property
    def output(self) -> Path:
        return self.video.with_name(f"{self.video.stem}_redacted.mp4")


type Serve = Callable[..., Served]


@pytest.fixture(scope="session")
def analysed(tmp_path_factory: pytest.TempPathFactory, write_pictures: Callable[..., Path]) -> Path:
    """A folder with `two.mp4` and its analysis, which tests copy."""
    folder = tmp_path_factory.mktemp("analysed")
    clip = write_pictures(folder / "two.mp4", two_people())
    review = folder / "two_review"
    review.mkdir(mode=0o700)
    redactor.analyze(clip, review)
    return folder


@pytest.fixture
def two(analysed: Path, tmp_path: Path) -> Path:
    """A clip of two people that has been analysed: 1 on the left, 2 on the right."""
    shutil.copytree(analysed, tmp_path / "two")
    return tmp_path / "two" / "two.mp4"


@contextmanager
def serving(video: Path, *options: str) -> Iterator[Served]:
    """Serve the review of a video by a process of its own."""
    command = [sys.executable, "-m", "redactor", "review", str(video), "--no-browser", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Served(video, process.stdout.readline().strip(), process)
        finally:
            process.terminate()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves the review of a video."""
    with ExitStack() as stack:
        yield lambda video, *options: stack.enter_context(serving(video, *options))


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright keeps an event loop running, so it ends with the file, before tests with loops of their own."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("neither Chromium nor Chrome is here")
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield launched
    launched.close()


def note(message: ConsoleMessage, problems: list[str]) -> None:
    """Note an error. An answer such as 412 is none of the page's."""
    if message.type == "error" and not message.text.startswith("Failed to load resource"):
        problems.append(message.text)


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that opens a browser profile of its own.

    An error on a page or in its console fails the test, unless they are expected.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def new(*, errors_expected: bool = False, **options: Any) -> BrowserContext:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        if not errors_expected:
            context.on("weberror", lambda error: problems.append(str(error.error)))
            context.on("console", lambda message: note(message, problems))
        return context

    yield new
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def open_review(new_context: Callable[..., BrowserContext], serve: Serve) -> Callable[..., tuple[Page, Served]]:
    """Return a function that serves a video's review and opens its editor."""

    def opened(video: Path, *options: str, **context: Any) -> tuple[Page, Served]:
        served = serve(video, *options)
        page = new_context(**context).new_page()
        page.goto(served.link)
        page.locator(".editor").wait_for()
        return page, served

    return opened
