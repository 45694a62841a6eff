"""Shares change under load: people connect all the time at two CCC processes and at both modules' own listeners, while an
administrator moves the shares to and fro, is held back by a silent module, and the CCC dies and is away in between. Nobody
ever has two desktops of the pool, over both modules' databases."""

import os
import random
import signal
import threading

import pytest

from conftest import WAIT_S, Problem, Rest, wait_until
from daemons import Daemon

MODULES = ["module-1", "module-2"]
PEOPLE = 8
SEED = int(os.environ.get("BIC_SEED", "1"))
ROUNDS = int(os.environ.get("BIC_SHARE_ROUNDS", "4"))
LITTLE, MUCH = 4, 44        # so that most places move when the shares change sides


@pytest.fixture
def second_ccc(bic):
    """Another process on the same database."""
    first = bic.run.ccc
    port, management = bic.run.layout.port("portal-2"), bic.run.layout.port("ccc-2")
    daemon = Daemon(bic.run.layout, "ccc", "ccc-2", {
        **{k: v for k, v in first.config.items() if k not in ("state_dir", "ready_file")},
        "public_listen": f"127.0.0.1:{port}", "public_url": f"http://localhost:{port}",
        "management_listen": f"127.0.0.1:{management}", "management_url": f"https://127.0.0.1:{management}"})
    daemon.write_config()
    daemon.start()
    daemon.wait_ready()
    yield daemon
    daemon.stop()


@pytest.fixture
def pool(bic):
    made = bic.pool("moving", [MUCH, LITTLE], kind="persistent", spares=0)
    # As many as its bServers have slots for; the rest of the share moves places all the same.
    for module in MODULES:
        wait_until(f"desktops in {module}", lambda m=module: sum(
            d["module_id"] == bic.modules[m] for d in bic.desktops(made)) >= LITTLE, WAIT_S)
    yield made
    bic.drop_pool(made)


class Visitor(threading.Thread):
    """Asks for the pool at one place after another, and gives up her desktop now and then."""

    def __init__(self, bic, pool, rest, bases, seed):
        super().__init__()
        self.rest, self.pool, self.bic = rest, pool, bic
        self.name_ = rest.name
        self.rng = random.Random(seed)
        self.places = [Rest(f"{base}/api/v1") for base in bases]
        self.stopping = threading.Event()
        self.asked = self.had = 0
        self.wrong = []

    def run(self):
        while not self.stopping.is_set():
            place = self.rng.choice(self.places)
            try:
                self.ask(place)
            except (Problem, OSError) as p:
                if getattr(p, "status", 500) == 401:
                    self.sign_in(place)
            self.stopping.wait(self.rng.random() * 0.2)

    def ask(self, place):
        self.asked += 1
        answer = place.call("POST", "/connections", {"pool_id": self.pool["id"]}, timeout=15)
        self.had += 1
        desktop = answer["desktop_id"] if "display" in answer else answer["target"]["id"]
        if self.rng.random() < 0.3:     # a newcomer again
            self.bic.admin.call("POST", f"/desktops/{desktop}/actions", {"action": "unassign"})

    def sign_in(self, place):
        try:
            place.login(self.name_, f"pw-{self.name_}-2026")
        except (Problem, OSError):
            self.stopping.wait(2)       # not known there: wrong passwords are counted


class Watch(threading.Thread):
    """Who has desktops in one module, the same before and after the other one was looked at."""

    def __init__(self, bic, pool):
        super().__init__()
        self.databases = [bic.database(m) for m in MODULES]
        self.pool = pool["id"]
        self.stopping = threading.Event()
        self.looks = 0
        self.twice = []

    def held(self, db):
        rows = db.execute("select person_id, id, seq from desktop where pool_id = %s and person_id is not null", [self.pool])
        return {(person, (desktop, seq)) for person, desktop, seq in rows.fetchall()}

    def run(self):
        one, two = self.databases
        while not self.stopping.wait(0.01):
            before = self.held(one)
            there = self.held(two)
            stayed = {person for person, _ in before & self.held(one)}
            self.twice += [person for person, _ in there if person in stayed]
            self.looks += 1


def put_shares(bic, pool, shares):
    now = bic.admin.call("GET", f"/pools/{pool['id']}")
    return bic.admin.call("PATCH", f"/pools/{pool['id']}", {"shares": shares},
                          headers={"If-Match": f'"{now["generation"]}"'})


def shares(bic, pool, sizes):
    return put_shares(bic, pool, [{"module_id": bic.modules[m], "size": n} for m, n in zip(MODULES, sizes)])


def change(bic, pool):
    return bic.admin.call("GET", f"/pools/{pool['id']}")["change"]


def move(bic, pool, sizes):
    """Tried until no assigned desktop stands in the way: people come and go."""
    def moved():
        try:
            return shares(bic, pool, sizes)
        except Problem as p:
            assert p.slug in ("pool-shrink", "precondition"), p.body
            return None
    return wait_until("the shares to be taken", moved, WAIT_S)


def away(bic):
    """The CCC and its database die, and are back after a while in which the modules go on alone."""
    os.kill(bic.run.ccc.process.pid(), signal.SIGKILL)
    bic.run.clusters["ccc"].stop()
    threading.Event().wait(2)
    bic.run.up()
    bic.admin.login("admin", bic.run.layout.secret("user-admin"))
    wait_until("the modules", lambda: all(m["state"] == "up" for m in bic.admin.every("/modules")), WAIT_S)


def silent_module(bic, pool, sizes):
    """Held back by it, visibly; taken back at once."""
    places = "select array_agg(place_module(p.id, %s) order by p.id) from person p"
    with bic.database("ccc") as db:
        before = db.execute(places, [pool["id"]]).fetchone()
        os.kill(bic.run.bcenters[MODULES[1]].process.pid(), signal.SIGSTOP)
        try:
            move(bic, pool, sizes)
            wait_until("the other module's word",
                       lambda: change(bic, pool)["waiting_for"] == [bic.modules[MODULES[1]]], WAIT_S)
            waits = change(bic, pool)
            assert waits["since"] and db.execute(places, [pool["id"]]).fetchone() == before
            put_shares(bic, pool, waits["in_force"])
            assert change(bic, pool) is None
        finally:
            os.kill(bic.run.bcenters[MODULES[1]].process.pid(), signal.SIGCONT)


def test_nobody_has_two_desktops_while_shares_change(bic, pool, second_ccc):
    rng = random.Random(SEED)
    bases = [bic.portal, second_ccc.config["public_url"], *(bic.run.bcenters[m].config["login_url"] for m in MODULES)]
    visitors = []
    for n in range(PEOPLE):
        rest = bic.user(f"mover{n}")
        rest.name = f"mover{n}"
        bic.entitle(pool, rest)
        visitors.append(Visitor(bic, pool, rest, bases, SEED * 100 + n))
    watch = Watch(bic, pool)
    for t in (watch, *visitors):
        t.start()
    try:
        for n in range(ROUNDS):
            move(bic, pool, [LITTLE, MUCH] if n % 2 == 0 else [MUCH, LITTLE])
            if rng.random() < 0.5 or n == 1:
                away(bic)
            wait_until("the change in force", lambda: change(bic, pool) is None, WAIT_S)
        silent_module(bic, pool, [LITTLE, MUCH] if ROUNDS % 2 == 0 else [MUCH, LITTLE])
        wait_until("enough of it", lambda: sum(v.had for v in visitors) > 5 * ROUNDS, WAIT_S)
    finally:
        for t in (*visitors, watch):
            t.stopping.set()
        for t in (*visitors, watch):
            t.join()
    print(f"seed {SEED}: asked {sum(v.asked for v in visitors)}, served {sum(v.had for v in visitors)}, "
          f"looked {watch.looks} times")
    assert not watch.twice, f"{len(watch.twice)} times somebody had two desktops"
    assert watch.looks > 100
    bic.invariants()
