"""Entry point of `redactor` and `python -m redactor`."""

import signal


def main() -> None:
    # Until a command handles it, an interrupt ends the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from redactor.cli import run

    run()


if __name__ == "__main__":
    main()
