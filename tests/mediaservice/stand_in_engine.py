"""A substitute for the engine that does as its input says: a JSON object of

wait_for: a path; it reports 50 % and goes on when that exists · fail: an error to report · die: a signal to end by
hold: bytes of memory to fill before it waits · pad: bytes to add to its output · spin: true, to compute for ever
fill: bytes to write beside its output before it computes for ever · open: how many files to open
ignore_sigterm: true · log: a path to which it appends `begun` and `done`
link: a path to which its output is a link · pipe: true, its output is a pipe
flood: bytes on standard error without an end of line · stay: a path to which a process writes its id that it leaves
behind, in a session of its own, with the pipes open
bare: how many faces `verify` finds bare in its output, or null for a verification that says nothing of them
environment: a path to which it writes its environment · arguments: one to which it writes its arguments.

Its output is the input with `REDACTED` in front.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    command, source, target = sys.argv[1:4]
    text = Path(source).read_text()
    told = json.loads(text)
    if command == "verify":
        verify(told, Path(target))
        return
    log = Path(told["log"]) if "log" in told else Path(os.devnull)

    def say(line: str) -> None:
        with log.open("a") as file:
            file.write(f"{line} {os.getpid()}\n")

    if told.get("ignore_sigterm"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("begun")
    print(json.dumps({"progress": 50.0, "frame": 5, "frames": 10}), flush=True)
    if "environment" in told:
        Path(told["environment"]).write_text(json.dumps(dict(os.environ)))
    if "arguments" in told:
        Path(told["arguments"]).write_text(json.dumps(sys.argv[1:]))
    held = b"x" * told.get("hold", 0)
    for _ in range(told.get("open", 0)):
        os.open(__file__, os.O_RDONLY)
    if "fill" in told:
        Path(target).with_name("part").write_bytes(b"x" * told["fill"])
    while told.get("spin") or "fill" in told:
        pass
    while "wait_for" in told and not Path(told["wait_for"]).exists():
        time.sleep(0.02)
    if "die" in told:
        os.kill(os.getpid(), told["die"])
    if "fail" in told:
        print(json.dumps({"error": told["fail"]}), flush=True)
        sys.exit(2)
    for _ in range(told.get("flood", 0) // 1000):
        sys.stderr.write("x" * 1000)
    if "stay" in told and os.fork() == 0:
        os.setsid()
        Path(told["stay"]).write_text(str(os.getpid()))
        time.sleep(600)
    while "stay" in told and not Path(told["stay"]).exists():
        time.sleep(0.02)
    if "link" in told:
        Path(target).symlink_to(told["link"])
    elif "pipe" in told:
        os.mkfifo(target)
    else:
        Path(target).write_text(f"REDACTED {text}" + "x" * told.get("pad", 0))
    del held
    say("done")
    print(json.dumps({"result": {"frames": 10, "framesWithFaces": 8, "faces": 3, "doubtfulPlaces": 4}}), flush=True)


def verify(told: dict[str, Any], redacted: Path) -> None:
    assert redacted.read_text().startswith("REDACTED")
    bare = told["bare"]
    found = {"firstFrame": 4, "frame": 5, "time": 0.2, "x": 0.4, "y": 0.2, "width": 0.1, "height": 0.2}
    counts = {} if bare is None else {"bareFaces": bare, "bareFrames": bare, "bare": [found] * bare}
    print(json.dumps({"progress": 50.0, "frame": 5, "frames": 10}), flush=True)
    print(json.dumps({"result": {"frames": 10, "tracks": 3} | counts}), flush=True)
    sys.exit(3 if bare else 0)


main()
