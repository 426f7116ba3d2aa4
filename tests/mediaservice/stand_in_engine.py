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
    wanted = json.loads(text)
    if command == "verify":
        verify(wanted, Path(target))
        return
    log = Path(wanted["log"]) if "log" in wanted else Path(os.devnull)

    def say(line: str) -> None:
        with log.open("a") as file:
            file.write(f"{line} {os.getpid()}\n")

    if wanted.get("ignore_sigterm"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("begun")
    print(json.dumps({"progress": 50.0, "frame": 5, "frames": 10}), flush=True)
    if "environment" in wanted:
        Path(wanted["environment"]).write_text(json.dumps(dict(os.environ)))
    if "arguments" in wanted:
        Path(wanted["arguments"]).write_text(json.dumps(sys.argv[1:]))
    held = b"x" * wanted.get("hold", 0)
    for _ in range(wanted.get("open", 0)):
        os.open(__file__, os.O_RDONLY)
    if "fill" in wanted:
        Path(target).with_name("part").write_bytes(b"x" * wanted["fill"])
    while wanted.get("spin") or "fill" in wanted:
        pass
    while "wait_for" in wanted and not Path(wanted["wait_for"]).exists():
        time.sleep(0.02)
    if "die" in wanted:
        os.kill(os.getpid(), wanted["die"])
    if "fail" in wanted:
        print(json.dumps({"error": wanted["fail"]}), flush=True)
        sys.exit(2)
    for _ in range(wanted.get("flood", 0) // 1000):
        sys.stderr.write("x" * 1000)
    if "stay" in wanted and os.fork() == 0:
        os.setsid()
        Path(wanted["stay"]).write_text(str(os.getpid()))
        time.sleep(600)
    while "stay" in wanted and not Path(wanted["stay"]).exists():
        time.sleep(0.02)
    if "link" in wanted:
        Path(target).symlink_to(wanted["link"])
    elif "pipe" in wanted:
        os.mkfifo(target)
    else:
        Path(target).write_text(f"REDACTED {text}" + "x" * wanted.get("pad", 0))
    del held
    say("done")
    print(json.dumps({"result": {"frames": 10, "framesWithFaces": 8, "faces": 3, "doubtfulPlaces": 4}}), flush=True)


def verify(wanted: dict[str, Any], redacted: Path) -> None:
    assert redacted.read_text().startswith("REDACTED")
    bare = wanted["bare"]
    found = {"firstFrame": 4, "frame": 5, "time": 0.2, "x": 0.4, "y": 0.2, "width": 0.1, "height": 0.2}
    counts = {} if bare is None else {"bareFaces": bare, "bareFrames": bare, "bare": [found] * bare}
    print(json.dumps({"progress": 50.0, "frame": 5, "frames": 10}), flush=True)
    print(json.dumps({"result": {"frames": 10, "tracks": 3} | counts}), flush=True)
    sys.exit(3 if bare else 0)


main()
