# ruff: noqa: S311 — chance, not secrets
"""Simulates a day of uploads, for both ways in which KEDA can count a queue: waiting times and costs.

    .venv/bin/python -m benchmarks.scaling [--seed 1] [--limit 10]

The arithmetic is the local cloud's, which is KEDA's. Messages, leases and executions are simulated. A message is
invisible while a worker renews its lease, and stays so until the lease ends if the worker dies. An execution that finds
no message leaves. Times are in seconds.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from statistics import quantiles
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from local.services.scaler import QueueLengthStrategy, ScaleRule

DAY = 86_400.0
POLL = 10.0
START = 25.0  # until an execution has pulled its image and started Python
EMPTY = 3.0  # duration of an execution that finds no message
LEASE = 60.0
SECONDS_A_MINUTE = 90.0  # of work for each minute of 1080p at 30 frames a second, at 20 frames a second
CRASHES_AN_HOUR = 0.05  # of a busy worker


@dataclass
class Message:
    """A video of `minutes`, uploaded at `sent`, first taken at `taken`."""

    minutes: float
    sent: float
    taken: float | None = None
    visible_from: float = 0.0
    attempts: int = 0


@dataclass
class Day:
    """The outcome of a day. `surplus` counts executions that found no message."""

    messages: list[Message] = field(default_factory=list)
    executions: int = 0
    surplus: int = 0
    crashes: int = 0

    def waits(self) -> list[float]:
        """Return the waiting time of each video, until a worker took it or until the end of the day."""
        return sorted((DAY if each.taken is None else each.taken) - each.sent for each in self.messages)


def uploads(chance: random.Random, *, floods: bool) -> Iterator[tuple[float, float]]:
    """Yield time and minutes of each video: short ones all day, some long ones, and two floods."""
    for _ in range(300):
        yield chance.uniform(0, DAY), chance.uniform(0.2, 4)
    for _ in range(10):
        yield chance.uniform(0, DAY * 0.8), chance.uniform(60, 180)
    for at, number in ((9.0, 60), (15.5, 150)) if floods else ():
        for _ in range(number):
            yield at * 3600 + chance.uniform(0, 30), chance.uniform(0.2, 6)


class Simulation:
    """One day with one rule. The same seed gives the same uploads."""

    def __init__(self, rule: ScaleRule, seed: int, *, floods: bool) -> None:
        self._rule = rule
        self._chance = random.Random(seed)
        self._uploads = uploads(random.Random(seed + 1), floods=floods)
        self._queue: list[Message] = []
        self._running = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._now = 0.0
        self.day = Day()

    def run(self) -> Day:
        for at, minutes in self._uploads:
            message = Message(minutes, at)
            self.day.messages.append(message)
            self._at(at, partial(self._queue.append, message))
        self._at(0.0, self._poll)
        while self._due and (due := heapq.heappop(self._due))[0] < DAY:
            self._now = due[0]
            due[2]()
        return self.day

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._order), act))

    def _visible(self) -> list[Message]:
        return [message for message in self._queue if message.visible_from <= self._now]

    def _poll(self) -> None:
        counted = self._queue if self._rule.strategy is QueueLengthStrategy.ALL else self._visible()
        for _ in range(self._rule.wanted(len(counted), self._running)):
            self._running += 1
            self.day.executions += 1
            self._at(self._now + START, self._take)
        self._at(self._now + self._rule.polling_seconds, self._poll)

    def _take(self) -> None:
        waiting = self._visible()
        if not waiting:
            self.day.surplus += 1
            self._at(self._now + EMPTY, self._leave)
            return
        message = min(waiting, key=lambda each: each.sent)
        message.taken = message.taken or self._now
        message.attempts += 1
        message.visible_from = float("inf")
        work = message.minutes * SECONDS_A_MINUTE
        until_crash = self._chance.expovariate(CRASHES_AN_HOUR / 3600)
        if until_crash < work and message.attempts < 3:
            self._at(self._now + until_crash, partial(self._crash, message))
        else:
            self._at(self._now + work, partial(self._finish, message))

    def _finish(self, message: Message) -> None:
        self._queue.remove(message)
        self._leave()

    def _crash(self, message: Message) -> None:
        """Crash the worker. Its lease was renewed at most a third of its duration ago."""
        self.day.crashes += 1
        message.visible_from = self._now + self._chance.uniform(LEASE * 2 / 3, LEASE)
        self._leave()

    def _leave(self) -> None:
        self._running -= 1


def rule(strategy: QueueLengthStrategy, limit: int) -> ScaleRule:
    """Return the rule that the graph declares, with another strategy."""
    return ScaleRule(
        account="",
        queue="",
        messages_each=1,
        strategy=strategy,
        min_executions=0,
        max_executions=limit,
        polling_seconds=POLL,
        seconds=DAY,
    )


def main(
    seed: Annotated[int, typer.Option(help="Another day.")] = 1,
    limit: Annotated[int, typer.Option(help="The most executions at a time.")] = 10,
) -> None:
    table = Table("day", "strategy", "videos", "p50", "p95", "longest", "executions", "surplus", "crashes")
    for floods, strategy in itertools.product((False, True), QueueLengthStrategy):
        day = Simulation(rule(strategy, limit), seed, floods=floods).run()
        waits = day.waits()
        percent = quantiles(waits, n=100)
        table.add_row(
            "with floods" if floods else "calm",
            strategy.value,
            str(len(waits)),
            *(f"{seconds:,.0f} s" for seconds in (percent[49], percent[94], waits[-1])),
            *(str(number) for number in (day.executions, day.surplus, day.crashes)),
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
