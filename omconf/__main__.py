"""The program, as `omconf` and as `python -m omconf`."""

import signal

# Before all other imports, which take most of the time of a start: until `interrupts.install`,
# Ctrl-C ends it by the signal, and not by Python's exception with a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from omconf.cli import main

if __name__ == "__main__":
    main()
