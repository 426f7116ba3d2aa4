"""The terminal display: the cloud's start, each video's stages, and the path of the result."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from local.user.journey import Journey, Stage

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

# Percent of the whole at each stage's end. Processing is nearly all of it.
_REACHED = {None: 0.0, Stage.UPLOADED: 3.0, Stage.DELIVERED: 6.0, Stage.QUEUED: 8.0, Stage.PROCESSED: 99.0}


class Display:
    """One line for the cloud's start, then one per video. Without a terminal, plain lines."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=console,
        )
        self._live = console.is_terminal
        self._began = time.monotonic()
        self._start: TaskID | None = None
        self._tasks: dict[Path, TaskID] = {}
        self._shown: dict[Path, str] = {}

    @contextmanager
    def running(self) -> Iterator["Display"]:
        """Draw until the end of the `with`."""
        if not self._live:
            yield self
            return
        with self._progress:
            yield self

    def step(self, text: str) -> None:
        """Show the step that has begun."""
        if not self._live:
            console.print(f"{text} …", soft_wrap=True)
        elif self._start is None:
            self._start = self._progress.add_task(text, total=None)
        else:
            self._progress.update(self._start, description=text)

    def started(self) -> float:
        """Show that the cloud is up. Return the seconds that the start took."""
        took = time.monotonic() - self._began
        if self._start is not None:
            self._progress.update(self._start, description="local cloud is up", total=1, completed=1)
        return took

    def show(self, journey: Journey, uploading: float | None = None) -> None:
        """Show a video's stage. `uploading` is the percent uploaded, until it is in the lake."""
        text = _stages(journey, uploading)
        if not self._live:
            plain = text.split(" [")[0]
            if self._shown.get(journey.video) != plain:
                self._shown[journey.video] = plain
                console.print(plain, soft_wrap=True)
            return
        if journey.video not in self._tasks:
            self._tasks[journey.video] = self._progress.add_task(text, total=100)
        done = 100.0 if journey.result else _REACHED[journey.stage]
        if journey.stage is Stage.QUEUED:
            done += journey.percent * 0.9
        self._progress.update(self._tasks[journey.video], description=text, completed=done)


def _stages(journey: Journey, uploading: float | None) -> str:
    said = [f"[bold]{journey.video.name}[/bold]"]
    if uploading is not None:
        said.append(f"uploading {uploading:.0f} %")
    stages = list(Stage)
    reached = stages.index(journey.stage) + 1 if journey.stage else 0
    said += ["processed" if stage is Stage.PROCESSED else stage.value for stage in stages[:reached]]
    if journey.stage is Stage.QUEUED and journey.percent:
        said.append(f"processing {journey.percent:.0f} %")
    note = f" [yellow]({journey.note})[/yellow]" if journey.note else ""
    return said[0] + "  " + " → ".join(said[1:]) + note


def report_all(done: int, count: int) -> None:
    console.print(f"{done} of {count} videos redacted", soft_wrap=True)


def report(journey: Journey, started: float, picture: Path | None, *, in_one_line: bool = False) -> None:
    """Print the path of the redacted video, its number of face tracks, and the time of each stage."""
    result = journey.result
    assert result
    tracks = "1 face track" if result.faces == 1 else f"{result.faces} face tracks"
    stages = {"local cloud up": started, **{stage.value: took for stage, took in journey.seconds.items()}}
    total = started + sum(journey.seconds.values())
    if in_one_line:
        line = f"{result.path}: {tracks} on {result.frames_with_faces} of {result.frames} frames, {total:.1f} s"
        line += f", {result.doubtful_places} doubtful" if result.doubtful_places else ""
        console.print(line, soft_wrap=True, markup=False)
        return
    console.print()
    console.print(f"[bold green]{result.path}[/bold green]", soft_wrap=True)
    console.print(f"  {tracks} on {result.frames_with_faces} of {result.frames} frames")
    if result.doubtful_places:
        places = "1 doubtful place" if result.doubtful_places == 1 else f"{result.doubtful_places} doubtful places"
        console.print(f"  {places}; watch the result", soft_wrap=True)
    took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in stages.items())
    console.print(f"  {total:.1f} s: {took}", soft_wrap=True)
    if picture:
        console.print(f"  before and after: {picture}", soft_wrap=True)


def fail(messages: Sequence[str]) -> None:
    """Print one line each on standard error."""
    for message in messages:
        errors.print(message, style=None, markup=False)
    sys.stderr.flush()
