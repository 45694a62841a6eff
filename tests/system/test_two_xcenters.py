"""Both xCenters of a block are live: one is killed or stands still, and nobody notices. People connect through the CCC all
the while, desktops change, and what the CCC shows of the modules never goes back."""

import http.client
import json
import os
import random
import shutil
import signal
import ssl
import threading
import time
import uuid
from urllib.parse import urlsplit

import content
import pytest

from conftest import IMAGES, WAIT_S, Problem, wait_until

PEOPLE = ("ahn", "baek", "cha", "do")
EACH = 4        # connects of each person that must go well before a fault is taken back
SILENT_S = 9    # docs/sync.md


@pytest.fixture(scope="module")
def pool(bic):
    """Each has a desktop of her own that runs: connecting costs no boot. Room for everybody in either module."""
    made = bic.pool("two ways", [6, 6], kind="persistent", spares=0)
    for name in PEOPLE:
        rest = bic.user(name)
        bic.entitle(made, rest)
        wait_until("her first connect", lambda r=rest: bic.connect(r, pool_id=made["id"]), WAIT_S)
    yield made
    bic.drop_pool(made)


@pytest.fixture(scope="module")
def switched(bic):
    """Desktops that are switched on and off: orders go down and states come up the whole time."""
    made = bic.pool("switched", [3, 3], kind="persistent", spares=0, networked=True)
    wait_until("the desktops", lambda: len(bic.desktops(made)) == 6, WAIT_S)
    yield made
    bic.drop_pool(made)


class Worker(threading.Thread):
    """Does one thing again and again until it is told to stop; what went wrong is kept."""

    def __init__(self, name):
        super().__init__(name=name)
        self.stopping = threading.Event()
        self.done = 0
        self.wrong = []
        self.slowest = 0.0

    def run(self):
        while not self.stopping.is_set():
            before = time.monotonic()
            try:
                self.turn()
            except (Problem, OSError, AssertionError) as bad:
                self.wrong.append((self.name, bad, getattr(bad, "body", "")))
            self.slowest = max(self.slowest, time.monotonic() - before)
            self.done += 1
            self.stopping.wait(0.05)


class Visitor(Worker):
    """Connects, comes back to it, now and then leaves: through the CCC alone. No request of hers may fail."""

    def __init__(self, bic, pool, name):
        super().__init__(name)
        self.rest = bic.user(name)
        self.pool = pool
        self.rng = random.Random(name)
        self.connection = None

    def turn(self):
        if self.connection and self.rng.random() < 0.3:
            gone, self.connection = self.connection, None
            self.rest.call("DELETE", f"/connections/{gone['id']}")
        answer = self.rest.call("POST", "/connections", {"pool_id": self.pool["id"]})
        while "display" not in answer:
            op = self.rest.call("GET", f"/operations/{answer['id']}?wait=5")
            assert op["state"] not in ("failed", "cancelled"), op
            answer = op["result"] or answer
        self.connection = answer
        ticket = self.rest.call("POST", f"/connections/{answer['id']}/tickets", {"resume": answer["resume"]})
        assert ticket


class Switch(Worker):
    """An order that the CCC has taken ends well, whoever carries it down and its end up."""

    def __init__(self, bic, pool):
        super().__init__("switch")
        self.bic = bic
        self.desktops = [d["id"] for d in bic.desktops(pool)]

    def turn(self):
        desktop = self.desktops[self.done % len(self.desktops)]
        action = "start" if self.done // len(self.desktops) % 2 == 0 else "stop"
        op = self.bic.admin.call("POST", f"/desktops/{desktop}/actions", {"action": action})
        assert self.bic.operation(op)["state"] == "succeeded"


class Watcher(Worker):
    """Looks at what the CCC holds of the modules: nothing goes back, vanishes, or falls silent."""

    def __init__(self, bic):
        super().__init__("watcher")
        self.bic = bic
        self.generations = {}

    def turn(self):
        with self.bic.database() as db:
            rows = db.execute("select id::text, (body->>'generation')::bigint from mirror_desktop").fetchall()
            silent = db.execute("select count(*) from api_module where body->>'state' <> 'up'").fetchone()[0]
            lost = db.execute("select count(*) from mirror_bserver where state = 'silent'").fetchone()[0]
        now = dict(rows)
        assert all(g is not None for g in now.values())
        assert set(self.generations) <= set(now), f"vanished: {set(self.generations) - set(now)}"
        back = {i: (g, now[i]) for i, g in self.generations.items() if now[i] < g}
        assert not back, f"gone back: {back}"
        assert (silent, lost) == (0, 0), f"silent: {silent} modules, {lost} bServers"
        self.generations = now


@pytest.fixture
def busy(bic, pool, switched):
    """People, orders and a watcher at work. Afterwards nothing of it may have failed."""
    wait_until("both are live", lambda: live(bic, bic.run.xcenters), WAIT_S)
    people = [Visitor(bic, pool, name) for name in PEOPLE]
    workers = [*people, Switch(bic, switched), Watcher(bic)]
    for w in workers:
        w.start()
    yield people, workers
    for w in workers:
        w.stopping.set()
    for w in workers:
        w.join(WAIT_S)
    assert not any(w.is_alive() for w in workers)
    assert not [bad for w in workers for bad in w.wrong]
    assert all(w.done for w in workers)
    print("turns:", {w.name: w.done for w in workers}, "slowest:", {w.name: round(w.slowest, 1) for w in workers})
    for p in people:
        if p.connection:
            p.rest.call("DELETE", f"/connections/{p.connection['id']}")
    bic.invariants()


def ask(bic, xcenter, path, body=None):
    """What this xCenter answers to the first module's bCenter: status and body. body: to be posted."""
    url = urlsplit(xcenter.config["management_url"])
    pki = bic.run.bcenters["module-1"].state / "pki"
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.check_hostname = False      # who it is stands in its certificate
    context.load_cert_chain(pki / "node.crt", pki / "node.key")
    c = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=60)
    if body is None:
        c.request("GET", path)
    else:
        c.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = c.getresponse()
    return answer.status, json.loads(answer.read())


def states(bic):
    """URL → state of the block's xCenters, as an administrator sees them."""
    block, = bic.admin.every("/blocks")
    return {x["url"]: x["state"] for x in block["xcenters"]}


def live(bic, xcenters):
    """Whether each has a complete copy, hears both modules and is heard by the CCC."""
    for x in xcenters:
        said = ask(bic, x, "/summary")[1]
        if not (x.process.pid() and said["ready"] and said["ccc_up"] and len(said["modules"]) == 2 and
                all(0 <= m["heard_ms"] < SILENT_S * 1000 and m["observed"] for m in said["modules"])):
            return False
    told = states(bic)
    return all(told.get(x.config["management_url"]) == "up" for x in xcenters)


def go_on(people, workers):
    """Until everybody has connected some more times, and an order or two was carried out."""
    before = {w: w.done for w in workers}
    wait_until("connects and orders", lambda: all(w.done >= before[w] + (EACH if w in people else 2) for w in workers)
               or any(w.wrong for w in workers), WAIT_S)
    assert not [bad for w in workers for bad in w.wrong]


def module_audit(bic):
    return {str(i) for i, in bic.rows("select id from audit")}


def arrived(bic):
    with bic.database() as db:
        return {str(i) for i, in db.execute("select id from audit where origin like 'bcenter/%'").fetchall()}


def test_each_killed_in_turn(bic, busy):
    """SIGKILL, while the other is all there is, and back again."""
    people, workers = busy
    for victim in bic.run.xcenters * 2:
        go_on(people, workers)
        os.kill(victim.process.pid(), signal.SIGKILL)
        go_on(people, workers)
        wait_until("its silence is shown", lambda v=victim: states(bic)[v.config["management_url"]] == "silent", WAIT_S)
        rows = module_audit(bic)
        wait_until("the audit arrives through the other", lambda r=rows: r <= arrived(bic), WAIT_S)
        go_on(people, workers)
        victim.start()
        victim.wait_ready()
        wait_until("both are live", lambda: live(bic, bic.run.xcenters), WAIT_S)
    rows = module_audit(bic)
    wait_until("each row of the audit is there, once", lambda: rows <= arrived(bic), WAIT_S)
    with bic.database() as db:
        twice = db.execute("select count(*) - count(distinct id) from audit where origin like 'bcenter/%'").fetchone()[0]
    assert twice == 0 and arrived(bic) - module_audit(bic) == set()


@pytest.mark.parametrize("which", [0, 1])
def test_one_stands_still(bic, busy, which):
    """SIGSTOP: it takes connections and says nothing. Calls have the other within their deadline; when it wakes, what it
    has held back changes nothing."""
    people, workers = busy
    victim = bic.run.xcenters[which]
    go_on(people, workers)
    os.kill(victim.process.pid(), signal.SIGSTOP)
    try:
        go_on(people, workers)
        wait_until("its silence is shown", lambda: states(bic)[victim.config["management_url"]] == "silent", WAIT_S)
        go_on(people, workers)
    finally:
        os.kill(victim.process.pid(), signal.SIGCONT)
    wait_until("both are live", lambda: live(bic, bic.run.xcenters), WAIT_S)
    go_on(people, workers)


def test_what_a_sleeper_held_back_is_not_done(bic, pool):
    """Her connect went to an xCenter that stands still, then through the other. She has left before the first one wakes:
    it opens no session for nobody."""
    rest = bic.user("late")
    bic.entitle(pool, rest)
    bic.connect(rest, pool_id=pool["id"])
    for victim in bic.run.xcenters:
        os.kill(victim.process.pid(), signal.SIGSTOP)
        try:
            # Workers of the CCC have this one or the other first; after so many each has met it.
            for _ in range(12):
                connection = bic.connect(rest, pool_id=pool["id"])
            rest.call("DELETE", f"/connections/{connection['id']}")
        finally:
            os.kill(victim.process.pid(), signal.SIGCONT)
        wait_until("both are live", lambda: live(bic, bic.run.xcenters), WAIT_S)
        time.sleep(2)   # for what it might do
        me = rest.call("GET", "/me")["id"]
        assert not [i for i, in bic.rows(f"select id from session where ended_at is null and person_id = '{me}'")]


def test_which_history_is_the_present_one_only_the_ccc_knows(bic):
    """A bCenter that holds another history gets a relay's copy of the CCC's only with the CCC's word for it."""
    wait_until("both are live", lambda: live(bic, bic.run.xcenters), WAIT_S)
    foreign = f"/sync/v1/wanted?after={uuid.uuid4()}:5&wait=0"
    for x in bic.run.xcenters:
        status, page = ask(bic, x, foreign)
        assert status == 200 and page["snapshot"], page
    os.kill(bic.run.ccc.process.pid(), signal.SIGSTOP)
    try:
        for x in bic.run.xcenters:
            status, problem = ask(bic, x, foreign)
            assert (status, problem["type"]) == (503, "/problems/not-ready"), problem
            own = f"/sync/v1/wanted?after={page['cursor']}&wait=0"
            assert ask(bic, x, own)[0] == 200, "who holds this history needs no word of the CCC"
            assert ask(bic, x, "/sync/v1/wanted?wait=0")[0] == 200, "nor who holds none"
    finally:
        os.kill(bic.run.ccc.process.pid(), signal.SIGCONT)
    wait_until("both are live", lambda: live(bic, bic.run.xcenters), WAIT_S)


def test_an_earlier_leader_is_not_heard(bic):
    """What a leader that was followed by another still says reaches neither an xCenter nor the CCC."""
    wait_until("both are live", lambda: live(bic, bic.run.xcenters), WAIT_S)
    module = next(m for m in bic.admin.every("/modules") if m["name"] == "module-1")
    word = {"about": {"source": module["id"], "module": {"epoch": module["epoch"] - 1, "login": "http://gone"}}}
    for x in bic.run.xcenters:
        status, problem = ask(bic, x, "/sync/v1/observed", word)
        assert (status, problem["type"]) == (409, "/problems/epoch-stale"), problem
    word["about"]["module"] = {"epoch": module["epoch"], "login": module["login"]}
    assert ask(bic, bic.run.xcenters[0], "/sync/v1/observed", word)[0] == 200
    assert bic.admin.call("GET", f"/modules/{module['id']}")["login"] == module["login"]


def test_an_image_comes_through_either(bic, tmp_path):
    """A version published while one of them is dead reaches the modules through the other."""
    for n, victim in enumerate(bic.run.xcenters):
        file = tmp_path / f"{n}.qcow2"
        shutil.copyfile(IMAGES / "tiny.qcow2", file)
        with open(file, "r+b") as f:        # another content; the first of the copied blocks' padding
            f.seek(0, os.SEEK_END)
            f.write(os.urandom(512))
        victim.stop()
        try:
            image = content.image(bic.admin, f"through-{n}", "", file)
            sha256 = image["version"]["sha256"]
            used = content.pool(bic.admin, f"through-{n}", "", image, {m: 1 for m in bic.modules.values()}, "persistent", 0,
                                bic.spec)
            bic.pools.add(used["id"])

            def there(sha=sha256):
                return all((b.state / "cache" / sha[:2] / sha).exists() for b in bic.run.bcenters.values())
            wait_until("the blob at both modules", there, WAIT_S)
        finally:
            victim.start()
            victim.wait_ready()
        bic.drop_pool(used)
    wait_until("both are live", lambda: live(bic, bic.run.xcenters), WAIT_S)
