"""A whole block on one machine: python3 packaging/block up|down|status. `make run` and `make stop` call it."""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from block import BlockRun  # noqa: E402
from layout import Layout, state_directory  # noqa: E402
from progress import fail, say  # noqa: E402
from rest import Problem  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(prog="block", description=__doc__)
    parser.add_argument("verb", choices=["up", "down", "status"])
    parser.add_argument("--small", action="store_true", help="two bServers a module, no content (for tests)")
    parser.add_argument("--images", type=Path, help="directory of tiny.qcow2 and desktop.qcow2")
    options = parser.parse_args()
    os.umask(0o077)
    try:
        state = state_directory()
        run = BlockRun(Layout(state), small=options.small, images=options.images or state / "images")
        {"up": run.up, "down": run.down, "status": run.status}[options.verb]()
    except (RuntimeError, OSError, Problem) as bad:
        fail(str(bad))
    except KeyboardInterrupt:
        say("")
        fail("interrupted: `make run` goes on where it stopped, `make stop` stops what runs")


main()
