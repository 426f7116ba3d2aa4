"""Where a run's time goes."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from redactor.results import Stages


class Stopwatch:
    """Use as a context, again and again: `seconds` is the time spent inside. For one thread."""

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
    """`items`, with the time that making them takes added to `watch`."""
    end = object()
    while True:
        with watch:
            item = next(items, end)
        if item is end:
            return
        yield item  # type: ignore[misc]  # not the end


class Clocks:
    """A run's stopwatches; `analysing` runs while `decoding` does."""

    def __init__(self) -> None:
        self.decoding, self.analysing, self.redacting, self.encoding = (Stopwatch() for _ in range(4))

    def stages(self) -> Stages:
        decoding = self.decoding.seconds
        return Stages(decoding, self.analysing.seconds - decoding, self.redacting.seconds, self.encoding.seconds)
