"""A script that ends the registered process groups once the process that started it has ended.

It reads lines `+PGID` and `-PGID` from stdin. End of file means that the starter has ended (return, Ctrl-C, SIGTERM
or SIGKILL). The groups still registered then get SIGTERM, latest first, and SIGKILL after a grace period. Unlike
Linux's PR_SET_PDEATHSIG, this reaches grandchildren, does not depend on the thread that started the child, and works
on macOS.
"""

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 3.0


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the answer of macOS for a group of zombies
        return False
    return True


def end(groups: list[int]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for group in reversed(groups):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        deadline = time.monotonic() + GRACE_SECONDS
        while any(map(alive, groups)) and time.monotonic() < deadline:
            time.sleep(0.02)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: list[int] = []
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.append(group)
        elif group in groups:
            groups.remove(group)
    end(groups)


if __name__ == "__main__":
    main()
