"""kill -9 of every daemon at random moments, while desktops start, stop and are rebuilt: it converges, nothing runs
twice, nothing foreign is touched."""

import os
import random
import signal
import subprocess
import threading
import time

import psycopg
import pytest

from conftest import WAIT_S, Problem, wait_until

ROUNDS = int(os.environ.get("BIC_KILL_ROUNDS", "6"))


@pytest.fixture(scope="module")
def pool(bic):
    made = bic.pool("killed", [2, 2], kind="floating", spares=1)
    wait_until("desktops", lambda: len(bic.desktops(made)) == 4, WAIT_S)
    yield made
    bic.drop_pool(made)


@pytest.fixture
def foreign(tmp_path):
    """A QEMU that is not ours: it must be there afterwards."""
    child = subprocess.Popen(["qemu-system-x86_64", "-M", "none", "-nographic", "-monitor", "none", "-serial", "none",
                              "-S"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield child
    assert child.poll() is None, "a foreign machine was touched"
    child.kill()
    child.wait()


def poke(bic, pool, rng):
    """An order for some desktop; a refusal is fine, a lost one is not."""
    try:
        d = rng.choice(bic.desktops(pool))
        action = rng.choice(["start", "stop", "rebuild", "reset"])
        return bic.admin.call("POST", f"/desktops/{d['id']}/actions", {"action": action})
    except (Problem, OSError, IndexError):
        return None


def settled(bic, pool):
    """Every desktop of the pool is in a state that is not on the way, and QEMU agrees."""
    desktops = bic.desktops(pool)
    if len(desktops) != 4 or any(d["operation"] for d in desktops):
        return False
    running = {d["id"] for d in desktops if d["observed"] == "running"}
    truth = set(bic.qemus())
    ids = {d["id"] for d in desktops}
    return all(d["observed"] in ("running", "off") for d in desktops) and running == truth & ids and len(running) >= 1


def test_random_kills_converge(bic, pool, foreign):
    seed = int(os.environ.get("BIC_SEED", time.time()))
    print("BIC_SEED =", seed)
    rng = random.Random(seed)
    orders = []
    for _ in range(ROUNDS):
        for _ in range(3):
            orders.append(poke(bic, pool, rng))
        time.sleep(rng.random() * 1.5)
        victim = rng.choice(bic.run.daemons())
        pid = victim.process.pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
        time.sleep(rng.random())
        bic.run.up()
        bic.admin.login("admin", bic.run.layout.secret("user-admin"))
        bic.invariants()
    wait_until("everything settled", lambda: settled(bic, pool), WAIT_S)
    bic.invariants()
    for op in filter(None, orders):
        assert bic.operation(op)["state"] in ("succeeded", "failed", "cancelled")


@pytest.mark.parametrize("who", ["ccc", "xcenter", "bcenter-module-1", "bs-b1-01"])
def test_each_daemon_alone(bic, pool, foreign, who):
    """Machines survive the death of any one daemon, with the same process."""
    def running():
        return {d: p for d, p in bic.qemus().items() if d in {x["id"] for x in bic.desktops(pool)}}
    wait_until("something runs", running, WAIT_S)
    wait_until("settled", lambda: settled(bic, pool), WAIT_S)
    before = running()
    daemon = next(d for d in bic.run.daemons() if d.name == who)
    os.kill(daemon.process.pid(), signal.SIGKILL)
    bic.run.up()
    bic.admin.login("admin", bic.run.layout.secret("user-admin"))
    wait_until("settled again", lambda: settled(bic, pool), WAIT_S)
    after = running()
    assert {d: p for d, p in after.items() if d in before} == before


def test_postgres_of_a_module_killed(bic, pool):
    """With a server process in the middle of a long statement, which goes on without its postmaster."""
    cluster = bic.run.clusters["module-1"]

    def busy():
        with pytest.raises(psycopg.OperationalError), bic.database("module-1") as db:
            db.execute("select count(*) from generate_series(1, 100000000000) a")
    working = threading.Thread(target=busy)
    working.start()
    with bic.database("module-1") as db:
        wait_until("the long statement", lambda: db.execute(
            "select from pg_stat_activity where query like '%100000000000%' and pid <> pg_backend_pid()").fetchone(), WAIT_S)
    os.kill(cluster.process.pid(), signal.SIGKILL)
    before = bic.qemus()
    bic.run.up()
    working.join(WAIT_S)
    assert not working.is_alive()
    wait_until("settled", lambda: settled(bic, pool), WAIT_S)
    assert set(before) & set(bic.qemus()), "screens go on while the module's database is away"
    bic.invariants()
