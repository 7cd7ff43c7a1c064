"""`nmt` and `python -m nmt`: the command line, started so that its memory is set up and Ctrl-C ends it at once."""

import signal
import sys

from nmt.cli.allocator import start_tuned


def main() -> None:
    """Load the command line and run it. Until it is loaded, Ctrl-C is left to the system: there is nothing to tell."""
    before = signal.getsignal(signal.SIGINT)
    heard = before is signal.default_int_handler  # and not ignored, as it is for jobs in the background of a script
    if heard:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    start_tuned(sys.argv[1:])
    from nmt.cli.app import main as run  # noqa: PLC0415 (what Ctrl-C may cut short)

    if heard:
        signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
