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

from conftest import WAIT_S, Problem, Rest, wait_until

ROUNDS = int(os.environ.get("BIC_KILL_ROUNDS", "6"))
PEOPLE = ("min", "seo", "jung")


class Visitor(threading.Thread):
    """A person who connects, comes back to it and leaves at random, now at the CCC, now at her module. Refusals and
    errors are fine, wrong answers are not."""

    def __init__(self, bic, pool, name, seed):
        super().__init__(name=name)
        self.pool = pool
        self.rng = random.Random(seed)
        self.places = [Rest(f"{base}/api/v1") for base in (bic.portal, login_of(bic, name))]
        self.stopping = threading.Event()
        self.held = []          # connections she was given and has not left, as far as she knows
        self.left = []          # ids whose end was acknowledged
        self.wrong = []         # answers that may not be
        self.resumed = 0

    def sign_in_everywhere(self):
        """Slowly: a module has heard of her only just now, and wrong passwords are counted."""
        for rest in self.places:
            wait_until("known here", lambda r=rest: r.login(self.name, f"pw-{self.name}-2026") or r.token, WAIT_S, 5)
            wait_until("entitled here", lambda r=rest: any(p["id"] == self.pool["id"] for p in r.every("/pools")), WAIT_S)

    def run(self):
        while not self.stopping.is_set():
            self.attempt(self.rng.choices([self.come, self.resume, self.leave], [5, 5, 1])[0])
            self.stopping.wait(self.rng.random() * 0.3)

    def attempt(self, what):
        try:
            what()
        except (Problem, OSError):
            pass

    def place(self):
        """One of the servers, signed in there."""
        rest = self.rng.choice(self.places)
        try:
            rest.call("GET", "/me")
        except Problem as p:
            if p.status != 401:
                raise
            rest.login(self.name, f"pw-{self.name}-2026")
        return rest

    def come(self):
        rest = self.place()
        try:
            answer = rest.call("POST", "/connections", {"pool_id": self.pool["id"]})
            if "display" not in answer:
                answer = rest.call("GET", f"/operations/{answer['id']}?wait=3")["result"]
        except (Problem, OSError) as p:
            if getattr(p, "status", 500) >= 500:
                self.held.clear()       # perhaps it was done, and the answer with the new resume secret is lost
            raise
        if answer:
            self.held.append(answer)

    def resume(self):
        if self.held:
            connection = self.rng.choice(self.held)
            if not self.works_or_ended(connection):
                self.held.remove(connection)

    def works_or_ended(self, connection):
        """Whether the resume secret gives a ticket; if not, the session has to have ended."""
        try:
            Rest(connection["login"]).call("POST", f"/connections/{connection['id']}/tickets",
                                           {"resume": connection["resume"]})
        except Problem as p:
            if p.slug == "session-ended":
                return False
            if p.status < 500 and not self.outdated(connection):
                self.wrong.append(p)
            raise
        self.resumed += 1
        return True

    def outdated(self, connection):
        """Whether she has connected to it again: only the newest resume secret counts."""
        return connection is not [c for c in self.held if c["id"] == connection["id"]][-1]

    def leave(self):
        if self.held:
            connection = self.rng.choice(self.held)
            self.place().call("DELETE", f"/connections/{connection['id']}")
            self.held = [c for c in self.held if c["id"] != connection["id"]]
            self.left.append(connection["id"])


def login_of(bic, name):
    """Of the module that has her place: only there her password is known."""
    def told():
        for m in bic.run.block.modules:
            with bic.database(m.name) as db:
                if db.execute("select 1 from replica where kind = 'person' and body->>'username' = %s and not absent "
                              "and body->>'verifier' is not null", [name]).fetchone():
                    return bic.run.bcenters[m.name].config["login_url"]
        return None
    return wait_until("her module to know her", told, WAIT_S)


@pytest.fixture
def visitors(bic, pool):
    """Nobody yet: start(seed) lets people come; at the end all of them have gone."""
    come = []

    def start(seed):
        rng = random.Random(seed)
        for name in PEOPLE:
            rest = bic.user(name)
            if not any(p["id"] == pool["id"] for p in rest.every("/pools")):
                bic.entitle(pool, rest)
            come.append(Visitor(bic, pool, name, rng.random()))
        for v in come:
            v.sign_in_everywhere()
            v.start()
        return come

    yield start
    stop(come)
    for c in bic.admin.every("/connections"):
        bic.admin.call("DELETE", f"/connections/{c['id']}")


def stop(visitors):
    for v in visitors:
        v.stopping.set()
    for v in visitors:
        if v.is_alive():
            v.join(WAIT_S)


@pytest.fixture(scope="module")
def pool(bic):
    made = bic.pool("killed", [2, 2], kind="floating", spares=2)
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


def test_random_kills_converge(bic, pool, foreign, visitors):
    seed = int(os.environ.get("BIC_SEED", time.time()))
    print("BIC_SEED =", seed)
    rng = random.Random(seed)
    orders = []
    wait_until("ready desktops", lambda: sum(d["ready"] for d in bic.desktops(pool)) >= 2, WAIT_S)
    people = visitors(seed)
    wait_until("people who see theirs", lambda: sum(v.resumed > 0 for v in people) >= 2, WAIT_S)
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
    stop(people)
    wait_until("everything settled", lambda: settled(bic, pool), WAIT_S)
    bic.at_rest()
    for op in filter(None, orders):
        assert bic.operation(op)["state"] in ("succeeded", "failed", "cancelled")
    for v in people:
        check_told(bic, v)
    print("sessions:", bic.rows("select count(*) from session"), "tickets:", sum(v.resumed for v in people))


def check_told(bic, visitor):
    """What a person was told is true, whatever was killed meanwhile."""
    assert not visitor.wrong, visitor.wrong
    live = {str(i) for i, in bic.rows("select id from session where ended_at is null")}
    assert not live & set(visitor.left), "a session whose end was acknowledged lives"
    newest = {c["id"]: c for c in visitor.held}
    visitor.held = list(newest.values())
    for identity, connection in newest.items():
        works = wait_until("a ticket or the session's end",
                           lambda c=connection: "yes" if visitor.works_or_ended(c) else "no", 60)
        assert (works == "yes") == (identity in live), f"connection {identity}: works: {works}"


def test_given_up_by_all_and_wanted_again(bic, pool):
    """Every desktop was taken when she came; now one is free again, and she gets it."""
    wait_until("ready desktops", lambda: sum(d["ready"] and not d["person_id"] for d in bic.desktops(pool)) == 4, WAIT_S)
    first = [bic.user(f"early-{n}") for n in range(4)]
    late = bic.user("late")
    for rest in [*first, late]:
        bic.entitle(pool, rest)
    connections = [wait_until("a desktop", lambda r=rest: bic.connect(r, pool_id=pool["id"]), WAIT_S) for rest in first]
    with pytest.raises(Problem) as full:
        bic.connect(late, pool_id=pool["id"])
    assert full.value.slug == "pool-exhausted"
    for rest, connection in zip(first, connections):
        rest.call("DELETE", f"/connections/{connection['id']}")
    wait_until("ready desktops", lambda: sum(d["ready"] and not d["person_id"] for d in bic.desktops(pool)) == 4, WAIT_S)
    assert wait_until("a desktop for her too", lambda: bic.connect(late, pool_id=pool["id"]), WAIT_S)


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
            "select 1 from pg_stat_activity where query like '%100000000000%' and pid <> pg_backend_pid()").fetchone(),
            WAIT_S)
    os.kill(cluster.process.pid(), signal.SIGKILL)
    before = bic.qemus()
    bic.run.up()
    working.join(WAIT_S)
    assert not working.is_alive()
    wait_until("settled", lambda: settled(bic, pool), WAIT_S)
    assert set(before) & set(bic.qemus()), "screens go on while the module's database is away"
    bic.invariants()
