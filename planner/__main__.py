"""``chromplan``, and ``python -m planner``."""

# not signal, whose enumerations take milliseconds in which Ctrl-C would still print a traceback
import _signal as signal  # type: ignore[import-not-found]
import sys


def main() -> None:
    """Run the command line.

    Until it is there, Ctrl-C ends the process as it ends any other: there is nothing to clean up, and no traceback to
    show. A shell that starts it in the background has Ctrl-C ignored, which stays so.
    """
    listens = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if listens:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from planner import cli

    if listens:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cli.main()
    except KeyboardInterrupt:  # before it listens, or while it says that it was interrupted
        sys.exit(130)
    finally:
        if listens:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
