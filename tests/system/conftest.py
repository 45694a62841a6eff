"""A real small block (two modules, an embedded and a simulated bServer in each), started once for all the tests of a
pytest.

Everything is the same code that `make run` uses, under a state directory of its own, on free ports. The truth is
looked at behind BIC's back: /proc for QEMU processes, psycopg for the databases.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "packaging" / "block"))

import content  # noqa: E402
from block import BlockRun  # noqa: E402
from layout import Layout  # noqa: E402
from rest import Problem, Rest, wait_until  # noqa: E402

IMAGES = Path(os.environ.get("BIC_IMAGES", SOURCE / "var" / "images"))
WAIT_S = 400    # for things that must happen; generous, since machines are shared


NEVER = {
    "two people on one overlay": "select overlay_id from session group by 1 having count(distinct person_id) > 1",
    "two live sessions of a desktop":
        "select desktop_id from session where ended_at is null group by 1 having count(*) > 1",
    "two live sessions of a person in a pool":
        "select pool_id, person_id from session where ended_at is null group by 1, 2 having count(*) > 1",
    "a live session whose desktop is another's, has another run or another overlay":
        """select s.id from session s left join desktop d on d.id = s.desktop_id
            where s.ended_at is null and (d.person_id is distinct from s.person_id or d.run_id is distinct from s.run_id
                                          or d.overlay_id <> s.overlay_id)""",
    "somebody's desktop on an overlay that another has used":
        """select d.id from desktop d join overlay_use u using (overlay_id)
            where d.person_id is not null and u.person_id <> d.person_id""",
    "two desktops of a pool that are one person's":
        "select pool_id, person_id from desktop where person_id is not null group by 1, 2 having count(*) > 1",
}


def processes_of(state: Path) -> dict:
    """Pid → command line of everything that has this state directory in it, but not of who asks."""
    found = {}
    for proc in Path("/proc").iterdir():
        if not proc.name.isdigit() or int(proc.name) in (os.getpid(), os.getppid()):
            continue
        try:
            line = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{state}/" in line:
            found[int(proc.name)] = line
    return found


class Installation:
    """The block with what tests ask of it."""

    def __init__(self, run: BlockRun):
        self.run = run
        self.admin = self.sign_in("admin", run.layout.secret("user-admin"))
        self.modules = content.modules_up(self.admin, [m.name for m in run.block.modules], len(run.agents))
        self.image = content.image(self.admin, "tiny", "test image", IMAGES / "tiny.qcow2")
        self.spec = content.spec(self.admin, "tiny", memory_mib=192)
        self.pools = set()  # made, and not dropped yet
        self.networked = content.spec(self.admin, "tiny-vf", memory_mib=256, needs_vf=True)

    @property
    def portal(self) -> str:
        return self.run.ccc.config["public_url"]

    def sign_in(self, username: str, password: str, base: str | None = None) -> Rest:
        rest = Rest(f"{base or self.portal}/api/v1")
        wait_until("log-in", lambda: rest.login(username, password) or rest.token, 60)
        return rest

    def user(self, username: str) -> Rest:
        """A person with this name, signed in."""
        password = f"pw-{username}-2026"
        if not any(u["username"] == username for u in self.admin.every("/users")):
            self.admin.call("POST", "/users", {"username": username, "display_name": username.title(), "role": "user",
                                               "locale": "en", "password": password})
        return self.sign_in(username, password)

    def pool(self, name: str, sizes: list, kind: str = "floating", spares: int = 1, networked: bool = False) -> dict:
        modules = list(self.modules.values())
        made = content.pool(self.admin, name, "", self.image,
                            {m: n for m, n in zip(modules, sizes) if n}, kind, spares,
                            self.networked if networked else self.spec)
        self.pools.add(made["id"])
        return made

    def entitle(self, pool: dict, rest: Rest) -> None:
        self.admin.call("POST", "/entitlements", {"pool_id": pool["id"], "user_id": rest.call("GET", "/me")["id"]})

    def desktops(self, pool: dict) -> list:
        return self.admin.every(f"/desktops?pool_id={pool['id']}")

    def drop_pool(self, pool: dict) -> None:
        """Empties and deletes a pool, so that the next test has the machine for itself."""
        for e in self.admin.every("/entitlements"):
            if e["pool_id"] == pool["id"]:
                self.admin.call("DELETE", f"/entitlements/{e['id']}", headers={"If-Match": f'"{e["generation"]}"'})
        for d in self.desktops(pool):
            if d["person_id"]:
                self.admin.call("POST", f"/desktops/{d['id']}/actions", {"action": "unassign"})
        wait_until("desktops released", lambda: not any(d["person_id"] for d in self.desktops(pool)), WAIT_S)

        def deleted():
            try:
                now = self.admin.call("GET", f"/pools/{pool['id']}")
                self.admin.call("DELETE", f"/pools/{pool['id']}", headers={"If-Match": f'"{now["generation"]}"'})
            except Problem as p:
                return p.status == 404
            return True
        wait_until("pool deleted", deleted, 30)
        wait_until("its desktops gone", lambda: not self.desktops(pool), WAIT_S)
        self.pools.discard(pool["id"])

    def connect(self, rest: Rest, **what) -> dict:
        """POST /connections, following the operation when it has to boot first."""
        answer = rest.call("POST", "/connections", what)
        if "display" in answer:
            return answer

        def ended():
            op = rest.call("GET", f"/operations/{answer['id']}?wait=5")
            assert op["state"] not in ("failed", "cancelled"), op
            return op["state"] == "succeeded" and op
        return wait_until("the desktop to boot", ended, WAIT_S)["result"]

    def operation(self, op: dict, rest: Rest | None = None) -> dict:
        """The ended operation."""
        def ended():
            now = (rest or self.admin).call("GET", f"/operations/{op['id']}?wait=5")
            return now if now["state"] in ("succeeded", "failed", "cancelled") else None
        return wait_until(f"operation {op['verb']}", ended, WAIT_S)

    def qemus(self) -> dict:
        """Desktop id → pids of the QEMU processes that run it: the truth, from /proc."""
        found = {}
        for pid in self.run.machines():
            try:
                argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"-uuid" in argv:
                found.setdefault(argv[argv.index(b"-uuid") + 1].decode(), []).append(pid)
        return found

    def database(self, cluster: str = "ccc") -> psycopg.Connection:
        c = self.run.clusters[cluster]
        return psycopg.connect(c.url(f"{c.database}_owner"), autocommit=True)

    def rows(self, sql: str) -> list:
        """What all modules' databases answer."""
        found = []
        for m in self.run.block.modules:
            with self.database(m.name) as db:
                found += db.execute(sql).fetchall()
        return found

    def invariants(self) -> None:
        """Never twice, never another's (design §9): at any moment, whatever was killed."""
        for desktop, pids in self.qemus().items():
            assert len(pids) == 1, f"desktop {desktop} runs {len(pids)} times"
        for what, sql in NEVER.items():
            found = self.rows(sql)
            assert not found, f"{what}: {found}"

    def at_rest(self) -> None:
        """What holds besides once everything has settled, over both modules and down to the machines."""
        self.invariants()
        seated = self.rows("select pool_id, person_id from desktop where person_id is not null")
        assert len(seated) == len(set(seated)), f"somebody holds two desktops of a pool: {seated}"
        live = self.rows("select pool_id, person_id, desktop_id::text, run_id::text from session where ended_at is null")
        assert len(live) == len({(pool, person) for pool, person, _, _ in live}), f"two live sessions in one pool: {live}"
        machines = self.qemus()
        for _, _, desktop, run in live:
            assert desktop in machines, f"the live session's desktop {desktop} does not run"
            line = Path(f"/proc/{machines[desktop][0]}/cmdline").read_bytes()
            assert run.encode() in line, f"desktop {desktop} runs, but not the session's run {run}"


def small_block(state: Path, block=None) -> BlockRun:
    """On ports that no other installation would choose as well: 8080 is for people."""
    state.mkdir(parents=True, exist_ok=True)
    os.chmod(state, 0o755)
    layout = Layout(state)
    layout.make()
    layout.port("portal")
    return BlockRun(layout, small=True, images=IMAGES, block=block)


def interrupted(_number, _frame):
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def bic():
    state = Path(os.environ.get("BIC_SYSTEM_STATE") or tempfile.mkdtemp(prefix="bic-s"))
    run = small_block(state)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)      # so that what is below happens then too
    # AddressSanitizer keeps what was freed, 256 MB of it unless told otherwise: growth could not be seen.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=8"]))
    try:
        run.up()
        yield Installation(run)
    finally:
        run.down()
        left = processes_of(state)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert not left, f"`make stop` left {left}"


@pytest.fixture(autouse=True)
def tidy(request):
    """A test that fails before it drops its pool leaves no desktops for the next ones to fail on."""
    if "bic" not in request.fixturenames:
        yield
        return
    block = request.getfixturevalue("bic")
    before = set(block.pools)
    yield
    for pool in set(block.pools) - before:
        block.drop_pool({"id": pool})
