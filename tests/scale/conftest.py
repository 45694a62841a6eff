"""A whole block at its rated size, simulated: two modules of ten bServers each, two agent processes (SCALE=block)."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "packaging" / "block"))

import topology  # noqa: E402
from block import BlockRun  # noqa: E402
from layout import Layout  # noqa: E402

WAIT_S = 900    # for what must happen, with a sanitizer on a shared machine


@pytest.fixture(scope="session")
def block():
    state = Path(tempfile.mkdtemp(prefix="bic-s"))
    os.chmod(state, 0o755)
    layout = Layout(state)
    layout.make()
    layout.port("portal")
    run = BlockRun(layout, small=True, images=state, block=topology.scale())
    try:
        run.up()
        yield run
    finally:
        run.down()
