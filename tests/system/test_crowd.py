"""A crowd at one bCenter over HTTP: 64 clients for people of whom there are more than desktops, while the bCenter and its
PostgreSQL are killed at random. In the end every desktop is somebody's, exactly those who were told so have one, and the
others were refused clearly. A block of its own, since its simulated bServers name display addresses (nothing is shown there).

CROWD_RUNS, CROWD_DESKTOPS, BIC_SEED: `make test-fault` takes 1,000 desktops, many times."""

import os
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import IMAGES, SOURCE, Installation, Problem, processes_of, wait_until

sys.path.insert(0, str(SOURCE / "packaging" / "block"))

import content  # noqa: E402
import topology  # noqa: E402
from block import BlockRun  # noqa: E402
from layout import Layout  # noqa: E402
from rest import Rest  # noqa: E402

RUNS = int(os.environ.get("CROWD_RUNS", "2"))
DESKTOPS = int(os.environ.get("CROWD_DESKTOPS", "60"))
CLIENTS = 64
MORE = max(8, DESKTOPS // 16)       # people without a desktop
SEED = int(os.environ.get("BIC_SEED", "1"))
WAIT_S = 600
MODULE = "module-1"


class CrowdBlock(BlockRun):
    """Simulated bServers with display addresses: so tickets are given for them."""

    def _agent(self, module, host):
        daemon = super()._agent(module, host)
        ports = [self.layout.port(f"{daemon.name}-lane{n}") for n in range(2)]
        daemon.config["display_listen"] = ", ".join(f"127.0.0.1:{p}" for p in ports)
        daemon.config["display_url"] = ", ".join(f"ws://localhost:{p}/display" for p in ports)
        return daemon


class Person:
    def __init__(self, name: str, login: str):
        self.rest = Rest(f"{login}/api/v1")
        self.name = name
        self.begin_run()

    def begin_run(self):
        self.key = str(uuid.uuid4())
        self.desktop = None         # what she was told
        self.last = None            # the last refusal
        self.retried = 0

    def sign_in(self):
        wait_until("known here", lambda: self.rest.login(self.name, f"pw-{self.name}-2026") or self.rest.token, WAIT_S, 2)

    def ask(self, pool: str) -> bool:
        """Whether that is her answer; what may be retried is asked again with the same key."""
        try:
            answer = self.rest.call("POST", "/connections", {"pool_id": pool}, {"Idempotency-Key": self.key}, timeout=20)
        except Problem as p:
            self.last = p
            assert p.status in (409, 503, 504), p.body
            self.retried += p.status != 409
            return False
        except OSError:
            self.retried += 1       # not there, or gone in the middle
            return False
        told = answer["desktop_id"] if "display" in answer else answer["target"]["id"]
        assert self.desktop in (None, told), "another desktop than she was told before"
        self.desktop = told
        return True


@pytest.fixture(scope="module")
def crowd():
    state = Path(tempfile.mkdtemp(prefix="bic-c"))
    os.chmod(state, 0o755)
    hosts = max(1, -(-DESKTOPS // 100))
    layout = Layout(state)
    layout.make()
    layout.port("portal")
    run = CrowdBlock(layout, small=True, images=IMAGES, block=topology.Block("block-1", [
        topology.module(MODULE, "b1", 0, hosts)]))
    try:
        run.up()
        yield Installation(run)
    finally:
        run.down()
        for pid in processes_of(state):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def pool(crowd):
    return crowd.pool("crowd", [DESKTOPS], kind="persistent", spares=0, networked=True)


@pytest.fixture(scope="module")
def people(crowd, pool):
    group = crowd.admin.ensure("/groups", "name", {"name": "crowd", "description": ""})
    content.entitle(crowd.admin, group, [pool])
    login = crowd.run.bcenters[MODULE].config["login_url"]

    def person(n):
        user = crowd.admin.call("POST", "/users", {"username": f"c{n}", "display_name": f"c{n}", "role": "user",
                                                   "locale": "en", "password": f"pw-c{n}-2026"})
        crowd.admin.call("PUT", f"/groups/{group['id']}/members/{user['id']}")
        made = Person(f"c{n}", login)
        made.id = user["id"]
        return made
    with ThreadPoolExecutor(8) as makers:
        made = list(makers.map(person, range(DESKTOPS + MORE)))

        def known():                # a wrong guess would be held against them
            with crowd.database(MODULE) as db:
                return db.execute("select count(*) from replica where kind = 'person' and not absent "
                                  "and body ->> 'verifier' is not null").fetchone()[0] >= len(made)
        wait_until("the module to know them", known, WAIT_S)
        list(makers.map(Person.sign_in, made))
    return made


def owners(crowd) -> dict:
    """Person → desktop, in the module's own database."""
    with crowd.database(MODULE) as db:
        rows = db.execute("select person_id::text, id::text from desktop where person_id is not null").fetchall()
    assert len(rows) == len(dict(rows)), "somebody has two"
    return dict(rows)


class Killer(threading.Thread):
    """SIGKILL to the bCenter or its postmaster, at random moments; what died is started again."""

    def __init__(self, run, rng):
        super().__init__()
        self.run_ = run
        self.rng = rng
        self.over = threading.Event()
        self.killed = {"bcenter": 0, "postgres": 0}
        self.failed = None

    def run(self):
        try:
            self.kill(self.rng.choice(list(self.killed)))    # at least one in each run
            while not self.over.wait(self.rng.random() * 4):
                self.kill(self.rng.choice(list(self.killed)))
        except Exception as bad:    # told by the test
            self.failed = bad

    def kill(self, what):
        process = (self.run_.bcenters if what == "bcenter" else self.run_.clusters)[MODULE].process
        os.kill(process.pid(), signal.SIGKILL)
        self.killed[what] += 1
        time.sleep(self.rng.random())
        self.run_.up()


def come(crowd, pool, people, rng):
    """All of them at once, until each desktop is somebody's and everybody has her answer."""
    enough = threading.Event()
    waiting = people[:]
    rng.shuffle(waiting)
    lock = threading.Lock()

    def client(seed):
        mine = random.Random(seed)
        while not enough.is_set():
            with lock:
                person = waiting.pop(0) if waiting else None
            if not person:
                enough.wait(0.2)
                continue
            if not person.ask(pool["id"]):
                enough.wait(mine.random() * 0.2)
                with lock:
                    waiting.append(person)
    killer = Killer(crowd.run, rng)
    killer.start()
    clients = [threading.Thread(target=client, args=(rng.random(),)) for _ in range(CLIENTS)]
    for c in clients:
        c.start()
    try:
        wait_until("every desktop taken", lambda: sum(p.desktop is not None for p in people) == DESKTOPS, WAIT_S)
    finally:
        killer.over.set()
        killer.join()
        enough.set()
        for c in clients:
            c.join()
    if killer.failed:
        raise killer.failed
    return killer.killed


def leave(crowd, pool):
    for d in crowd.desktops(pool):
        if d["person_id"]:
            crowd.admin.call("POST", f"/desktops/{d['id']}/actions", {"action": "unassign"})
    wait_until("all free again", lambda: not owners(crowd), WAIT_S)


def test_all_desktops_to_somebody_and_none_to_two(crowd, pool, people):
    wait_until("its desktops", lambda: len(crowd.desktops(pool)) == DESKTOPS, WAIT_S)
    for n in range(RUNS):
        rng = random.Random(SEED * 1000 + n)
        for p in people:
            p.begin_run()
        killed = come(crowd, pool, people, rng)
        told = {p.id: p.desktop for p in people if p.desktop}
        assert owners(crowd) == told                    # nobody has two, and nobody's is lost
        assert len(told) == len(set(told.values())) == DESKTOPS
        for p in people:                                # everybody else hears why, and so does who comes back
            if p.desktop:
                assert p.ask(pool["id"])
                continue

            def refused(person=p):
                assert not person.ask(pool["id"])
                return person.last.status == 409
            wait_until("a clear refusal", refused, WAIT_S)
            assert p.last.slug == "pool-exhausted" and p.last.body["numbers"] == {"size": DESKTOPS, "assigned": DESKTOPS}
        assert owners(crowd) == told
        crowd.invariants()
        print(f"run {n} (seed {SEED}): {killed}, retried {sum(p.retried for p in people)}")
        leave(crowd, pool)
