"""Workers started by KEDA's arithmetic, as on Azure: real executions and a real queue, looked at by the test."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from local.services.scaler import Ended, QueueLengthStrategy, Scaler, ScaleRule
from tests.mediaservice.deployment import Pipeline

POLLING_SECONDS = 1.0


def rule(strategy: QueueLengthStrategy) -> ScaleRule:
    return ScaleRule(
        account="",
        queue="jobs",
        messages_each=1,
        strategy=strategy,
        min_executions=0,
        max_executions=10,
        polling_seconds=POLLING_SECONDS,
        seconds=3600,
    )


@contextmanager
def scaling(
    pipeline: Pipeline, queue: QueueClient, strategy: QueueLengthStrategy
) -> Iterator[tuple[Scaler, list[Ended]]]:
    """Executions of one job each, and those of them that have ended."""
    ended: list[Ended] = []
    scaler = Scaler(rule(strategy), queue, lambda _: pipeline.start("--once"), cap=10, listener=ended.append)
    try:
        yield scaler, ended
    finally:
        scaler.stop()


def polled(scaler: Scaler, condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Look at the queue until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        scaler.poll()
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("strategy", "waits"), [(QueueLengthStrategy.ALL, False), (QueueLengthStrategy.VISIBLE_ONLY, True)]
)
def test_a_short_video_waits_behind_a_long_one_only_if_messages_in_work_are_not_counted(
    pipeline: Pipeline, name: str, tmp_path: Path, strategy: QueueLengthStrategy, *, waits: bool
) -> None:
    long_enough = tmp_path / "long enough"
    with pipeline.queue() as queue, scaling(pipeline, queue, strategy) as (scaler, _):
        pipeline.submit(f"{name}-long", {"wait_for": str(long_enough)})
        polled(scaler, lambda: pipeline.job(f"{name}-long").state == "Processing")
        pipeline.submit(f"{name}-short", {})
        if waits:
            looks = time.monotonic() + 3 * POLLING_SECONDS
            polled(scaler, lambda: time.monotonic() > looks)
            assert (pipeline.job(f"{name}-short").state, len(scaler.running)) == ("Queued", 1)
        else:
            polled(scaler, lambda: pipeline.job(f"{name}-short").state == "Finished")
            assert pipeline.job(f"{name}-long").state == "Processing"
        long_enough.touch()
        polled(scaler, lambda: pipeline.job(f"{name}-short").state == "Finished")


def test_a_killed_worker_costs_a_few_executions_that_find_nothing(
    pipeline: Pipeline, name: str, tmp_path: Path
) -> None:
    """Until its lease ends, which is 3 s here, a look at the queue each second counts its message."""
    log, go = tmp_path / "log", tmp_path / "go"
    with pipeline.queue() as queue, scaling(pipeline, queue, QueueLengthStrategy.ALL) as (scaler, ended):
        pipeline.submit(name, {"wait_for": str(go), "log": str(log)})
        polled(scaler, log.exists)
        (worker,) = scaler.running
        os.kill(worker.pid, signal.SIGKILL)
        go.touch()
        polled(scaler, lambda: pipeline.job(name).state == "Finished")
        polled(scaler, lambda: not scaler.running)
    killed, *others = ended
    assert killed.exit_code == -signal.SIGKILL
    empty = [each for each in others if each.exit_code == 0][:-1]
    assert len(empty) <= 4, json.dumps([each.name for each in ended])
