"""One line per step, and never more than ten seconds of silence."""

import errno
import os
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

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


def hold(what: str, going_on, seconds: float) -> None:
    """Waits while going_on() is true, for some seconds at most; a line tells what for when it takes longer than one."""
    begin = said = time.monotonic()
    while going_on() and time.monotonic() - begin < seconds:
        if time.monotonic() - said > (TICK_S if said > begin else 1):
            said = time.monotonic()
            say(f"     waiting for {what}: {said - begin:.0f} s")
        time.sleep(0.02)


def explained(bad: Exception, state: Path) -> str:
    """What happened, in words that say what to do where something is known."""
    full = isinstance(bad, OSError) and bad.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or any(os.strerror(n) in str(bad) for n in (errno.ENOSPC, errno.EDQUOT)):
        return f"the disk of {state} is full: make room, then `make run` goes on where it stopped\n     {bad}"
    return str(bad)


def fail(text: str) -> "None":
    print(f"[!!] {text}", file=sys.stderr, flush=True)
    sys.exit(1)
