"""A whole block on one machine: python3 packaging/block check|up|down|status. `make run` and `make stop` call it."""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import topology  # noqa: E402
from block import BlockRun  # noqa: E402
from layout import SOURCE, Layout, demand_ours, short, state_directory  # noqa: E402
from process import lend  # noqa: E402
from progress import explained, fail, say  # noqa: E402
from rest import Problem  # noqa: E402


def check(state: Path) -> None:
    """Before anything is built: whether all of it can be written. Says nothing when it can."""
    demand_ours(state / "run")
    if os.geteuid() != 0:
        for built in ("build", "build/run", "web/node_modules", "web/dist"):
            demand_ours(SOURCE / built)


def chosen(state: Path, verb: str) -> list:
    """(state directory, topology or None for the usual ones): SCALE=block is an installation of its own beside the other,
    which `down` without SCALE stops too."""
    scale, beside = os.environ.get("SCALE", ""), state / "scale"
    if scale not in ("", "block"):
        raise RuntimeError("SCALE is `block`, or not given")
    if scale:
        state.mkdir(parents=True, exist_ok=True)
        lend(state.resolve(), 0o755)
        return [(beside, topology.scale())]
    return [(state, None)] + ([(beside, topology.scale())] if verb == "down" and (beside / "run").exists() else [])


def main() -> None:
    parser = argparse.ArgumentParser(prog="block", description=__doc__)
    parser.add_argument("verb", choices=["check", "up", "down", "status"])
    parser.add_argument("--small", action="store_true", help="two bServers a module, no content (for tests)")
    parser.add_argument("--images", type=Path, help="directory of tiny.qcow2 and desktop.qcow2")
    options = parser.parse_args()
    os.umask(0o077)
    state = Path(os.environ.get("STATE") or "var")
    try:
        state = state_directory()
        for where, block in chosen(state, options.verb):
            check(where)
            if options.verb != "check":
                run = BlockRun(Layout(short(where)), small=options.small, images=options.images or state / "images", block=block)
                {"up": run.up, "down": run.down, "status": run.status}[options.verb]()
    except (RuntimeError, OSError, Problem) as bad:
        fail(explained(bad, state))
    except KeyboardInterrupt:
        say("")
        fail("interrupted: `make run` goes on where it stopped, `make stop` stops what runs")


main()
