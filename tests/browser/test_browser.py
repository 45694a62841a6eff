"""Chromium against a real whole block: the same installation that `make run` makes, plain and with TLS."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "packaging" / "block"))

from block import BlockRun  # noqa: E402
from layout import Layout  # noqa: E402

IMAGES = Path(os.environ.get("BIC_IMAGES", SOURCE / "var" / "images"))
SHOTS = Path(os.environ.get("BIC_SHOTS", SOURCE / "var" / "shots"))


def home_of_one_who_trusts(ca: Path, home: Path) -> None:
    """A home directory whose Chromium knows this authority, as administrators install it; nothing is switched off."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for words in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "BIC", "-i", ca]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *words], check=True)


# What TLS changes: whom the browser trusts, and the way from the log-in to the screen. The rest is the same, and tried plain.
UNDER_TLS = ["tests/web/trust.test.mjs", "tests/web/module.test.mjs", "tests/web/portal.test.mjs"]


def browse(name: str, tls: bool) -> None:
    """A whole block, and every browser test against it; under TLS those that it may make a difference to."""
    os.environ["TLS"] = "1" if tls else "0"
    state = Path(tempfile.mkdtemp(prefix="bic-w"))
    os.chmod(state, 0o755)
    run = BlockRun(Layout(state), small=False, images=IMAGES)
    shots = SHOTS / name
    shots.mkdir(parents=True, exist_ok=True)
    try:
        run.up()
        home = state / "home"
        home.mkdir()
        ca = run.layout.state / "ccc" / "ca" / "ca.crt"
        if tls:
            home_of_one_who_trusts(ca, home)
        done = subprocess.run(["node", "--test", "--test-concurrency=1", *(UNDER_TLS if tls else ["tests/web/"])],
                              cwd=SOURCE, check=False,
                              env={**os.environ, "HOME": str(home), "BIC_ENDPOINTS": str(run.layout.run / "endpoints.json"),
                                   "BIC_SHOTS": str(shots),
                                   **({"NODE_EXTRA_CA_CERTS": str(ca)} if tls else {})})
        assert done.returncode == 0
    finally:
        run.down()
        os.environ.pop("TLS", None)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_in_a_browser(tls):
    browse("tls" if tls else "plain", tls)
