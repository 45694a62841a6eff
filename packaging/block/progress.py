"""One line per step, and never more than ten seconds of silence."""

import sys
import threading
import time
from contextlib import contextmanager

TICK_S = 8


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def step(what: str):
    """Prints what is being done, ticks while it lasts, and how long it took."""
    begin = time.monotonic()
    done = threading.Event()

    def tick() -> None:
        while not done.wait(TICK_S):
            say(f"     {what}: {time.monotonic() - begin:.0f} s")

    say(f"[..] {what}")
    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    except BaseException:
        done.set()
        ticker.join()
        say(f"[!!] {what}: failed after {time.monotonic() - begin:.1f} s")
        raise
    done.set()
    ticker.join()
    say(f"[ok] {what} ({time.monotonic() - begin:.1f} s)")


def fail(text: str) -> "None":
    print(f"[!!] {text}", file=sys.stderr, flush=True)
    sys.exit(1)
