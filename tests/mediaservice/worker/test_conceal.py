"""The engine, as the same user, cannot inspect the worker."""

import os
import subprocess
import sys

import pytest

# Root may inspect everything, so the process changes its user first. A forked child takes the engine's place.
LOOK = """
import ctypes, os, sys
from mediaservice.worker.sandbox.conceal import PR_SET_DUMPABLE, conceal
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1)  # as a process is that has not changed its user
if sys.argv[1] == "concealed":
    conceal()
worker = os.getpid()
if os.fork() == 0:
    try:
        open(f"/proc/{worker}/environ", "rb").read()
    except PermissionError:
        os._exit(1)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has this")
def test_a_process_of_the_same_user_cannot_read_the_workers_environment() -> None:
    def look(how: str) -> int:
        return subprocess.run([sys.executable, "-c", LOOK, how], env=dict(os.environ), check=False).returncode

    assert (look("open"), look("concealed")) == (0, 1)
