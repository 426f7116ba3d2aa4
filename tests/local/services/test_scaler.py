import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient, QueueServiceClient

from local.host import processes
from local.host.processes import Process
from local.services.azurite import Azurite
from local.services.scaler import Ended, Scaler, ScaleRule, ScaleRuleError
from tests.local.conftest import Eventually

WAITS = "import time; time.sleep(60)"
FAILS = "raise SystemExit('no ffmpeg here')"
type Start = Callable[[str], Callable[[str], Process]]


def declared(
    most: int = 10, seconds: int = 60, polling: float = 30, metadata: Mapping[str, str] | None = None
) -> dict[str, Any]:
    rule = {"accountName": "media1", "queueName": "jobs", "queueLength": "1", "queueLengthStrategy": "all"}
    rules = [{"name": "queue", "type": "azure-queue", "metadata": rule | dict(metadata or {})}]
    scale = {"minExecutions": 0.0, "maxExecutions": float(most), "pollingInterval": float(polling), "rules": rules}
    return {"triggerType": "Event", "replicaTimeout": float(seconds), "eventTriggerConfig": {"scale": scale}}


@pytest.fixture
def queue(azurite: Azurite, unique: str) -> Iterator[QueueClient]:
    with QueueServiceClient(azurite.endpoints["media1"].queue, azurite.account_key("media1")) as account:
        yield account.create_queue(unique)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def executions(code: str) -> Callable[[str], Process]:
        def begin(name: str) -> Process:
            command = [sys.executable, "-I", "-S", "-c", code]
            started.append(processes.start(name, command, environment={}, log=tmp_path / f"{name}.log"))
            return started[-1]

        return begin

    yield executions
    for process in started:
        process.stop(grace=0)


def test_an_empty_queue_starts_nothing(queue: QueueClient, start: Start) -> None:
    scaler = Scaler(ScaleRule.declared(declared()), queue, start(WAITS), cap=2)
    scaler.poll()
    assert scaler.running == []


def test_each_message_starts_one_execution_up_to_the_cap(queue: QueueClient, start: Start) -> None:
    scaler = Scaler(ScaleRule.declared(declared()), queue, start(WAITS), cap=2)
    for expected in (1, 2, 2):
        queue.send_message("job")
        scaler.poll()
        scaler.poll()
        assert len(scaler.running) == expected


def test_the_declared_maximum_counts_as_well(queue: QueueClient, start: Start) -> None:
    for _ in range(3):
        queue.send_message("job")
    scaler = Scaler(ScaleRule.declared(declared(most=1)), queue, start(WAITS), cap=2)
    scaler.poll()
    assert len(scaler.running) == 1


@pytest.mark.parametrize(("strategy", "running"), [("all", 2), ("visibleonly", 1)])
def test_a_message_that_waits_behind_a_running_execution_starts_one_only_if_leased_ones_count(
    queue: QueueClient, start: Start, strategy: str, running: int
) -> None:
    queue.send_message("long")
    scaler = Scaler(
        ScaleRule.declared(declared(metadata={"queueLengthStrategy": strategy})), queue, start(WAITS), cap=10
    )
    scaler.poll()
    assert queue.receive_message(visibility_timeout=60)
    queue.send_message("short")
    for _ in range(3):
        scaler.poll()
    assert len(scaler.running) == running


def test_after_a_killed_worker_short_executions_come_at_the_polling_interval_until_its_lease_ends(
    queue: QueueClient, start: Start, eventually: Eventually
) -> None:
    """The queue's messages are what a worker's lease makes of them; an execution here finds nothing and leaves."""
    lease, polling = 3, 0.5
    ended: list[Ended] = []
    queue.send_message("job")
    message = queue.receive_message(visibility_timeout=lease)
    assert message
    rule = ScaleRule.declared(declared(polling=polling))
    with Scaler(rule, queue, start("pass"), cap=10, listener=ended.append):
        eventually(queue.peek_messages)
        empty = len(ended)
        queue.delete_message(queue.receive_messages(max_messages=1).next())
    assert 1 <= empty <= lease / polling + 1


def test_what_this_machines_cap_holds_back_starts_as_soon_as_there_is_room(
    queue: QueueClient, start: Start, eventually: Eventually, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    works = f"import os, time\nwhile not os.path.exists({str(done)!r}): time.sleep(0.02)"
    scaler = Scaler(ScaleRule.declared(declared()), queue, start(works), cap=1)
    queue.send_message("first")
    scaler.poll()
    (first,) = scaler.running
    leased = queue.receive_message(visibility_timeout=60)
    assert leased
    queue.send_message("second")
    scaler.poll()
    queue.delete_message(leased)
    scaler.poll()
    done.touch()
    eventually(lambda: not first.running)
    done.unlink()
    scaler.poll()
    assert [process.name for process in scaler.running] == ["jobs-2"]


def test_a_long_queue_is_counted_beyond_what_can_be_peeked(queue: QueueClient, start: Start) -> None:
    for _ in range(34):
        queue.send_message("job")
    scaler = Scaler(ScaleRule.declared(declared(metadata={"queueLength": "17"})), queue, start(WAITS), cap=4)
    scaler.poll()
    assert len(scaler.running) == 2


def test_the_end_of_an_execution_is_reported_and_makes_room(
    queue: QueueClient, start: Start, eventually: Eventually
) -> None:
    ended: list[Ended] = []
    queue.send_message("job")
    with Scaler(ScaleRule.declared(declared(polling=0.1)), queue, start("pass"), listener=ended.append):
        eventually(lambda: len(ended) >= 2)
    assert ended[0] == Ended("jobs-1", 0, "")
    assert ended[1] == Ended("jobs-2", 0, "")


def test_a_failed_execution_shows_its_log_and_the_next_one_waits(
    queue: QueueClient, start: Start, eventually: Eventually
) -> None:
    ended: list[Ended] = []
    queue.send_message("job")
    scaler = Scaler(ScaleRule.declared(declared()), queue, start(FAILS), listener=ended.append)
    scaler.poll()
    (first,) = scaler.running
    eventually(lambda: not first.running)
    scaler.poll()
    assert ended == [Ended("jobs-1", 1, "no ffmpeg here")]
    assert scaler.running == []


def test_an_execution_beyond_its_time_is_ended(queue: QueueClient, start: Start, eventually: Eventually) -> None:
    ended: list[Ended] = []
    queue.send_message("job")
    with Scaler(ScaleRule.declared(declared(seconds=0)), queue, start(WAITS), listener=ended.append):
        eventually(lambda: ended)
    assert ended[0].exit_code < 0


def test_leaving_stops_what_runs(queue: QueueClient, start: Start, eventually: Eventually) -> None:
    queue.send_message("job")
    with Scaler(ScaleRule.declared(declared()), queue, start(WAITS)) as scaler:
        eventually(lambda: scaler.running)
        (execution,) = scaler.running
    assert not execution.running


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"queueLengthStrategy": "some"}, "^queueLengthStrategy is 'some'; allowed are all, visibleonly$"),
        ({"queueLength": "0"}, "^queueLength is '0'; allowed is a whole number from 1$"),
    ],
)
def test_a_rule_that_cannot_be_obeyed_is_refused(metadata: dict[str, str], reason: str) -> None:
    with pytest.raises(ScaleRuleError, match=reason):
        ScaleRule.declared(declared(metadata=metadata))


def test_another_kind_of_rule_is_refused() -> None:
    inputs = declared()
    inputs["eventTriggerConfig"]["scale"]["rules"][0]["type"] = "cron"
    with pytest.raises(ScaleRuleError, match=r"scale\.rules has cron; allowed is one rule of type azure-queue"):
        ScaleRule.declared(inputs)
