"""A script that waits for a byte on a pipe, then becomes the program in its arguments.

    python -I -S start_gate.py FD PROGRAM ARGUMENTS…

FD is the pipe. The starter sends the byte once the child reaper has registered the process. If the starter dies first,
even by SIGKILL, the pipe closes without a byte and the script ends, so the program never outlives its starter.
"""

import os
import sys


def main() -> None:
    pipe, command = int(sys.argv[1]), sys.argv[2:]
    if os.read(pipe, 1):
        os.close(pipe)
        os.execvpe(command[0], command, os.environ)  # noqa: S606


if __name__ == "__main__":
    main()
