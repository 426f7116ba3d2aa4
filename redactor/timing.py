"""Stopwatches for the stages of a run."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from redactor.results import Stages


class Stopwatch:
    """A reusable context that adds the time spent inside to `seconds`. For one thread."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds += time.perf_counter() - self._started


def timed[T](items: Iterator[T], watch: Stopwatch) -> Iterator[T]:
    """Yield `items`, and add the time that producing them takes to `watch`."""
    end = object()
    while True:
        with watch:
            item = next(items, end)
        if item is end:
            return
        yield item  # type: ignore[misc]  # `end` was handled above


class Clocks:
    """A run's stopwatches. `analysing` includes `decoding`."""

    def __init__(self) -> None:
        self.decoding, self.analysing, self.redacting, self.encoding = (Stopwatch() for _ in range(4))

    def stages(self) -> Stages:
        decoding = self.decoding.seconds
        return Stages(decoding, self.analysing.seconds - decoding, self.redacting.seconds, self.encoding.seconds)
