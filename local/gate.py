"""A script that becomes the program in its arguments once it is told so, and ends when whoever started it is gone.

    python -I -S gate.py FD PROGRAM ARGUMENTS…

Being told so is a byte on the pipe FD. It is sent when the leash knows of the process, so that there is no instant in
which the starter's death, even by SIGKILL, would leave the program running.
"""

import os
import sys


def main() -> None:
    told, command = int(sys.argv[1]), sys.argv[2:]
    if os.read(told, 1):
        os.close(told)
        os.execvpe(command[0], command, os.environ)  # noqa: S606


if __name__ == "__main__":
    main()
