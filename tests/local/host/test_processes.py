import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.host import processes
from local.host.processes import ProcessError
from tests.local.conftest import Eventually

WITH_GRANDCHILD = """
import signal, subprocess, sys, time
{setup}
grandchild = subprocess.Popen([sys.executable, "-I", "-S", "-c", '''import signal, time
{setup}
time.sleep(60)'''])
print("pids", grandchild.pid, flush=True)
time.sleep(60)
"""
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
PARENT = """
import pathlib, signal, sys, time
from local.host import processes
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell started in the background
command = [sys.executable, "-I", "-S", "-c", {code!r}]
child = processes.start("child", command, environment={{}}, log=pathlib.Path({log!r}))
print(child.pid, child.until(child.tail, 10).split()[1], flush=True)
time.sleep(60)
"""
POLITE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
time.sleep(60)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("number", "setup"),
    [(signal.SIGKILL, ""), (signal.SIGTERM, ""), (signal.SIGINT, ""), (signal.SIGKILL, STUBBORN)],
)
def test_children_and_grandchildren_end_with_their_parent(
    tmp_path: Path, number: int, setup: str, eventually: Eventually
) -> None:
    code = PARENT.format(code=WITH_GRANDCHILD.format(setup=setup), log=str(tmp_path / "log"))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert not any(gone(pid) for pid in pids)
        parent.send_signal(number)
        eventually(lambda: all(gone(pid) for pid in pids))


def test_stopping_asks_first_and_lets_the_child_finish(tmp_path: Path) -> None:
    child = processes.start("child", python(POLITE), environment={}, log=tmp_path / "log")
    child.until(child.tail, 10)
    assert child.stop() == 7


def test_stopping_ends_who_does_not_listen_and_what_they_started(tmp_path: Path, eventually: Eventually) -> None:
    with processes.start(
        "child", python(WITH_GRANDCHILD.format(setup=STUBBORN)), environment={}, log=tmp_path / "log"
    ) as child:
        grandchild = int(child.until(child.tail, 10).split()[1])
        assert child.stop(grace=0.1) == -signal.SIGKILL
        eventually(lambda: gone(grandchild))


def test_a_child_that_ends_early_shows_its_last_words(tmp_path: Path) -> None:
    child = processes.start("sum", python("raise SystemExit('no such port')"), environment={}, log=tmp_path / "log")
    with pytest.raises(ProcessError, match=r"^sum ended with exit code 1; its log .*\nno such port$"):
        child.until(lambda: None, 10)


def test_a_child_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    with (
        processes.start("idler", python("import time; time.sleep(60)"), environment={}, log=tmp_path / "log") as child,
        pytest.raises(ProcessError, match=r"^idler was not ready after 0.1 s; its log .* is empty$"),
    ):
        child.until(lambda: None, 0.1)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match=r"^worker cannot be started: .*no-such-program"):
        processes.start("worker", ["/no-such-program"], environment={}, log=tmp_path / "log")


def test_a_child_sees_the_given_environment_and_nothing_else(tmp_path: Path) -> None:
    code = "import os; print(sorted(os.environ.items()))"
    child = processes.start(
        "child",
        python(code),
        environment={"LC_CTYPE": "C.UTF-8", "A": "1"},
        log=tmp_path / "log",
        output=tmp_path / "out",
    )
    assert child.wait(10) == 0
    assert (tmp_path / "out").read_text().strip() == "[('A', '1'), ('LC_CTYPE', 'C.UTF-8')]"
    assert os.environ.get("A") is None


def test_memory_counts_descendants(tmp_path: Path, eventually: Eventually) -> None:
    with processes.start(
        "child", python(WITH_GRANDCHILD.format(setup="")), environment={}, log=tmp_path / "log"
    ) as child:
        child.until(child.tail, 10)
        own = psutil.Process(child.pid)
        eventually(lambda: child.memory() > 1.5 * own.memory_info().rss)  # once the grandchild runs


def test_a_child_whose_parent_is_killed_while_starting_it_never_runs(tmp_path: Path, eventually: Eventually) -> None:
    trace = tmp_path / "ran"
    code = (
        "import os, pathlib, signal\n"
        "from local.host import processes\n"
        "processes.Process.__init__ = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"command = ['/bin/sh', '-c', 'touch {trace}; sleep 60']\n"
        f"processes.start('child', command, environment={{'MARK': '{tmp_path}'}}, log=pathlib.Path('{tmp_path}/log'))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    eventually(lambda: not marked(str(tmp_path)))
    assert not trace.exists()


def marked(value: str) -> list[int]:
    """Return the processes with this value of MARK."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("MARK") == value:
                found.append(process.pid)
    return found
