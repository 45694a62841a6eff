"""`make run` and `make stop` as a newcomer uses them, on the small block: again changes nothing, after a kill it
repairs, after a stop nothing is left and everything comes back."""

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from conftest import IMAGES, SOURCE, WAIT_S, BlockRun, Problem, Rest, content, processes_of, wait_until

import daemons
import layout
from layout import short

CATALOGUE = ("person", "person_group", "member", "image", "image_version", "spec", "pool", "pool_share", "entitlement",
             "block", "module", "node", "node_token", "wanted", "operation")
MODULE = ("desktop", "slot", "vf", "session", "seat", "operation", "replica", "ticket_key")
KILLED = ["postgres-ccc", "postgres-module-1", "postgres-module-2", "ccc", "xcenter", "xcenter-2", "bcenter-module-2", "bs-b2-01",
          "bs-b2-02"]


def program(state, verb):
    """The program behind `make run` and `make stop`, as a process of its own."""
    return subprocess.run([sys.executable, "-B", SOURCE / "packaging" / "block", verb, "--small"],
                          env={**os.environ, "STATE": str(state)}, capture_output=True, text=True, check=False,
                          timeout=300)


def block(bic, verb):
    done = program(bic.run.layout.state, verb)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(state, verb):
    """What it says when it cannot; without a word of Python."""
    done = program(state, verb)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
    return done.stdout + done.stderr


def pids(bic):
    run = bic.run
    return {p.process.name: p.process.pid() for p in [*run.daemons(), *run.clusters.values()]}


def rows(bic, cluster, tables):
    """Table → digest of its rows, each with the transaction that wrote it: writing the same again shows too."""
    with bic.database(cluster) as db:
        return {t: db.execute(f"select md5(string_agg(xmin::text || t::text, ',' order by t::text)) from {t} t").fetchone()[0]
                for t in tables}


def written(bic):
    return {"ccc": rows(bic, "ccc", CATALOGUE), **{m.name: rows(bic, m.name, MODULE) for m in bic.run.block.modules}}


def quiet(bic):
    """Waits until nothing is written any more: what earlier tests began has ended."""
    last = [written(bic)]

    def same():
        time.sleep(3)
        before, last[0] = last[0], written(bic)
        return before == last[0]
    wait_until("a quiet block", same, WAIT_S)
    return last[0]


def everything(bic):
    """What there is, by id and generation."""
    return {path: sorted((o["id"], o["generation"]) for o in bic.admin.every(path))
            for path in ("/users", "/groups", "/images", "/specs", "/pools", "/entitlements", "/blocks", "/modules",
                         "/nodes")}


def healthy(bic):
    return all(m["state"] == "up" for m in bic.admin.every("/modules")) and \
        all(b["state"] == "up" for b in bic.admin.every("/bservers"))


def test_again_changes_nothing(bic):
    wait_until("all are up", lambda: healthy(bic), WAIT_S)
    content, running, objects = quiet(bic), pids(bic), everything(bic)
    conf = {f.name: f.stat().st_mtime_ns for f in bic.run.layout.conf.iterdir()}
    said = block(bic, "up")
    assert pids(bic) == running
    assert {f.name: f.stat().st_mtime_ns for f in bic.run.layout.conf.iterdir()} == conf
    assert everything(bic) == objects
    assert written(bic) == content
    assert "[..]" not in said, "nothing was to be done"


def test_endpoints(bic):
    block(bic, "up")
    file = bic.run.layout.run / "endpoints.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    e = json.loads(file.read_text())
    assert e["api"] == f"{e['portal']}/api/v1" and e["docs"] == f"{e['portal']}/docs"
    assert e["portal"].startswith("http://localhost:")
    admin = next(a for a in e["accounts"] if a["role"] == "admin")
    rest = Rest(e["api"])
    rest.login(admin["username"], admin["password"])
    assert rest.call("GET", "/me")["role"] == "admin"
    blocks = {b["id"]: b for b in rest.every("/blocks")}
    modules = {m["id"]: m for m in rest.every("/modules")}
    assert [b["id"] for b in e["blocks"]] == list(blocks)
    for b in e["blocks"]:
        assert len(set(b["xcenters"])) == 2 and all(u.startswith("https://") for u in b["xcenters"])
        assert {x["url"] for x in blocks[b["id"]]["xcenters"]} == set(b["xcenters"])
        assert {c["id"] for c in b["bcenters"]} == set(modules)
        for c in b["bcenters"]:
            assert c["urls"] and all(u.startswith("https://") for u in c["urls"])
            assert modules[c["id"]]["login"] in c["login"]
            with psycopg.connect(c["database"]) as db:
                assert db.execute("select count(*) from desktop").fetchone()
    with psycopg.connect(e["database"]) as db:
        assert db.execute("select count(*) from pool").fetchone()
    names = sorted(p["name"] for p in e["processes"])
    assert names == sorted(["ccc"] + ["xcenter"] * 2 + ["bcenter"] * 2 + ["bserver-agent"] * 4 + ["postgres"] * 3)
    for p in e["processes"]:
        assert p["id"] and p["name"] in Path(f"/proc/{p['pid']}/cmdline").read_bytes().split(b"\0")[0].decode()


def test_no_session_is_left_behind(bic):
    """Whoever makes the block signs in, and out."""
    def sessions():
        with bic.database() as db:
            return db.execute("select count(*) from login_session").fetchone()[0]

    before = sessions()
    block(bic, "up")
    assert sessions() == before


def test_nothing_runs_as_root(bic):
    for pid in filter(None, pids(bic).values()):
        assert Path(f"/proc/{pid}").stat().st_uid != 0, f"{pid} runs as root"
    for cluster, role in (("ccc", "ccc"), ("module-1", "module")):
        with psycopg.connect(bic.run.clusters[cluster].url(role)) as db:
            assert db.execute("select rolsuper or rolcreatedb or rolcreaterole from pg_roles "
                              "where rolname = current_user").fetchone() == (False,)
            assert db.execute("show data_checksums").fetchone() == ("on",)
            used = [("pg_trgm",), ("plpgsql",)] if cluster == "ccc" else [("plpgsql",)]     # parts of names in lists
            assert sorted(db.execute("select extname from pg_extension").fetchall()) == used
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute("create table public.mine ()")


@pytest.mark.parametrize("name", KILLED)
def test_killed_is_repaired(bic, name):
    """Only what died gets a new process."""
    before = pids(bic)
    os.kill(before[name], signal.SIGKILL)
    wait_until("its death", lambda: not pids(bic)[name], 30)
    block(bic, "up")
    after = pids(bic)
    assert after[name] and after[name] != before[name]
    assert {n: p for n, p in after.items() if n != name} == {n: p for n, p in before.items() if n != name}
    wait_until("all are up", lambda: bic.admin.every("/modules") and healthy(bic), WAIT_S)


def overlay_file(bic, desktop):
    files = list(bic.run.layout.state.glob(f"bs-*/disks/{desktop}/*.qcow2"))
    assert len(files) == 1, files
    return files[0]


def at_the_end(verb, file):
    """A pattern in the disk's last KiB, where the guest has nothing: "write -P 0xb1" or "read -P 0xb1"."""
    info = subprocess.run(["qemu-img", "info", "-U", "--output=json", file], capture_output=True, check=True).stdout
    end = json.loads(info)["virtual-size"] - 1024
    done = subprocess.run(["qemu-io", *(["-U", "-r"] if "read" in verb else []), "-c", f"{verb} {end} 1024", file],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0 and "verification failed" not in done.stdout and "1 KiB" in done.stdout


def test_stop_leaves_nothing_and_all_comes_back(bic):
    pool = bic.pool("stays", [1, 0], kind="persistent", spares=0)
    han = bic.user("han")
    bic.entitle(pool, han)
    c = wait_until("connected", lambda: bic.connect(han, pool_id=pool["id"]), WAIT_S)
    han.call("DELETE", f"/connections/{c['id']}")
    assert bic.operation(han.call("POST", f"/desktops/{c['desktop_id']}/actions", {"action": "stop"}),
                         han)["state"] == "succeeded"
    wait_until("QEMU gone", lambda: c["desktop_id"] not in bic.qemus(), WAIT_S)
    file = overlay_file(bic, c["desktop_id"])
    assert at_the_end("write -P 0xb1", file)
    c = bic.connect(han, pool_id=pool["id"])
    assert bic.qemus()[c["desktop_id"]]
    before = everything(bic)

    block(bic, "down")
    wait_until("no process of this installation", lambda: not processes_of(bic.run.layout.state), 30)
    assert not (bic.run.layout.run / "endpoints.json").exists()
    block(bic, "down")      # again: nothing to do, and no complaint
    block(bic, "up")

    bic.admin.call("GET", "/me")        # the session of before is one still
    wait_until("all are up", lambda: healthy(bic), WAIT_S)
    assert everything(bic) == before
    again = wait_until("her desktop", lambda: reconnected(bic, han, pool), WAIT_S)
    assert again["desktop_id"] == c["desktop_id"]
    assert overlay_file(bic, c["desktop_id"]) == file and at_the_end("read -P 0xb1", file)
    bic.invariants()
    bic.drop_pool(pool)


def reconnected(bic, rest, pool):
    """Her connection; None while the module is still looking at what there is."""
    try:
        return bic.connect(rest, pool_id=pool["id"])
    except Problem as p:
        assert p.body.get("retryable", p.status in (409, 503)), p.body
        return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is led astray by links of the service user")
def test_root_follows_no_link_of_the_service_user(bic, tmp_path):
    """run/, conf/ and log/ are root's; what lies in a service's own directory is written as the service user."""
    layout, service = bic.run.layout, bic.run.xcenters[0]
    for directory in (layout.state, layout.run, layout.conf, layout.log):
        status = directory.stat()
        assert status.st_uid == 0 and not status.st_mode & 0o022, directory
    prey = tmp_path / "prey"
    prey.write_text("root's")
    token = service.token_file()
    token.unlink(missing_ok=True)
    token.symlink_to(prey)
    try:
        with pytest.raises(RuntimeError):
            service.give_token("planted")
    finally:
        token.unlink()
    assert prey.read_text() == "root's" and prey.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link that is somebody else's")
def test_a_long_state_is_not_reached_by_a_strangers_link(tmp_path):
    state = tmp_path / ("long" * 10)
    state.mkdir()
    alias = Path("/run") / f"bic-{hashlib.sha256(str(state).encode()).hexdigest()[:10]}"
    alias.symlink_to(state)
    os.lchown(alias, 65534, 65534)
    try:
        with pytest.raises(RuntimeError, match="somebody else"):
            short(state)
    finally:
        alias.unlink()


@pytest.mark.parametrize("said", ["8080", "20999-20000", "20000-20100", "80-20000", "60000-70000", "a-b"])
def test_ports_that_are_none_are_refused(tmp_path, monkeypatch, said):
    monkeypatch.setenv("PORTS", said)
    assert "PORTS is LOW-HIGH" in refused(tmp_path / "s", "up")


def test_ports_are_chosen_from_those_that_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PORTS", "21000-21200")
    at = layout.Layout(tmp_path)
    at.make()
    monkeypatch.setattr(layout, "free", lambda port: port >= 21199)
    assert {at.port("a"), at.port("b")} == {21199, 21200}
    assert at.port("c", 30000) == 30000, "a wish outside of them is heard"
    with pytest.raises(RuntimeError, match="no port from 21000 to 21200 is free"):
        at.port("d")


def test_without_the_portal_no_web_root(tmp_path, monkeypatch):
    """REST answers without web/dist: the daemons are told of no directory rather than of a missing one."""
    monkeypatch.setattr(daemons, "SOURCE", tmp_path)
    assert str(daemons.web_root()) == ""
    (tmp_path / "web" / "dist").mkdir(parents=True)
    (tmp_path / "web" / "dist" / "index.html").touch()
    assert daemons.web_root() == tmp_path / "web" / "dist"


# ---- what administrators have decided

@pytest.fixture
def changed_password(bic):
    """The administrator's password is not the one that was made any more; afterwards it is again."""
    def change(rest, to):
        me = rest.call("GET", f"/users/{rest.call('GET', '/me')['id']}")
        rest.call("PATCH", f"/users/{me['id']}", {"password": to},
                  headers={"If-Match": f'"{me["generation"]}"'})

    made, new = bic.run.layout.secret("user-admin"), "another-password-2026"
    change(bic.admin, new)
    yield
    rest = bic.sign_in("admin", new)
    change(rest, made)
    bic.admin.login("admin", made)


def refusals(bic):
    with bic.database() as db:
        return db.execute("select count(*) from audit where action = 'session.create' and result <> 'ok'").fetchone()[0]


def alive(bic, names):
    now = pids(bic)
    return [n for n in names if now[n]]


def test_repairs_without_the_administrator(bic, changed_password):
    """Who has joined needs nobody's permission to run, and nobody signs in."""
    killed = ["ccc", "xcenter", "bcenter-module-2", "bs-b2-02", "postgres-module-1"]
    for name in killed:
        os.kill(pids(bic)[name], signal.SIGKILL)
    before = endpoint_ids(bic)
    said = block(bic, "up")
    assert "signing in" not in said
    assert alive(bic, killed) == killed
    assert endpoint_ids(bic) == before
    e = json.loads((bic.run.layout.run / "endpoints.json").read_text())
    assert {p["service"]: p["pid"] for p in e["processes"]} == pids(bic)


def endpoint_ids(bic):
    block_, = json.loads((bic.run.layout.run / "endpoints.json").read_text())["blocks"]
    return block_["id"], [b["id"] for b in block_["bcenters"]]


def test_a_refused_administrator_is_told_of_at_once(bic, changed_password):
    """One node would need a token: the rest is started, and one clear sentence says what is missing, after one try."""
    agent = bic.run.agents["b1-02"]
    agent.stop()
    aside = agent.state / "aside"
    (agent.state / "pki").rename(aside)
    os.kill(pids(bic)["bs-b2-02"], signal.SIGKILL)
    before, begin = refusals(bic), time.monotonic()
    try:
        said = refused(bic.run.layout.state, "up")
        assert time.monotonic() - begin < 40, "no polling for a password that is wrong"
        assert "b1-02: admin is not let in with the password" in said
        assert alive(bic, ["bs-b2-02", "bs-b1-02"]) == ["bs-b2-02"]
        assert refusals(bic) == before + 1
        e = json.loads((bic.run.layout.run / "endpoints.json").read_text())
        assert {p["service"]: p["pid"] for p in e["processes"]} == {n: p for n, p in pids(bic).items() if p}
    finally:
        shutil.rmtree(agent.state / "pki", ignore_errors=True)
        aside.rename(agent.state / "pki")
        block(bic, "up")


@pytest.fixture
def newcomers_block(bic, tmp_path, monkeypatch):
    """The block as `make run` makes it, content included, but less of it: what matters is who decides on it."""
    for name in ("desktop.qcow2", "tiny.qcow2"):
        (tmp_path / name).symlink_to(IMAGES / "tiny.qcow2")
    monkeypatch.setattr(content, "PEOPLE", [("newcomer-a", "A"), ("newcomer-b", "B")])
    monkeypatch.setattr(content, "POOLS", [
        content.Pool("newcomers", "", "bic-tiny", "tiny", (1, 0), spares=0),
        content.Pool("newcomers-own", "", "bic-desktop", "desktop", (0, 1), "persistent", 0)])
    run = BlockRun(bic.run.layout, small=True, images=tmp_path)
    run.small = False
    before = everything(bic)
    yield run
    for pool in bic.admin.every("/pools"):
        if pool["name"].startswith("newcomers"):
            bic.drop_pool(pool)
    for path in ("/users", "/groups", "/images", "/specs"):
        known = {i for i, _ in before[path]}
        for o in bic.admin.every(path):
            if o["id"] not in known:
                bic.admin.call("DELETE", f"{path}/{o['id']}", headers={"If-Match": f'"{o["generation"]}"'})
    (run.ccc.state / "content-made").unlink(missing_ok=True)
    bic.run.up()


def named(bic, path, name, key="name"):
    return next(o for o in bic.admin.every(path) if o[key] == name)


def test_content_is_made_once_and_then_the_administrators(bic, newcomers_block, monkeypatch):
    run = newcomers_block
    entitle = content.entitle

    def interrupted(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(content, "entitle", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.up()
    monkeypatch.setattr(content, "entitle", entitle)
    first = {u["username"]: u["id"] for u in bic.admin.every("/users")}
    run.up()
    assert {u["username"]: u["id"] for u in bic.admin.every("/users")} == first, "what was there stays"
    group, a, b = (named(bic, "/groups", "everyone"), named(bic, "/users", "newcomer-a", "username"),
                   named(bic, "/users", "newcomer-b", "username"))
    assert {m["id"] for m in bic.admin.every(f"/groups/{group['id']}/members")} == {a["id"], b["id"]}
    pools = {p["name"]: p for p in bic.admin.every("/pools")}
    given = [e for e in bic.admin.every("/entitlements") if e["group_id"] == group["id"]]
    assert {e["pool_id"] for e in given} == {pools["newcomers"]["id"], pools["newcomers-own"]["id"]}

    bic.admin.call("DELETE", f"/groups/{group['id']}/members/{a['id']}")
    bic.admin.call("DELETE", f"/users/{b['id']}", headers={"If-Match": f'"{b["generation"]}"'})
    bic.admin.call("DELETE", f"/entitlements/{given[0]['id']}", headers={"If-Match": f'"{given[0]["generation"]}"'})
    bic.drop_pool(pools["newcomers-own"])
    decided = everything(bic)
    run.up()
    assert everything(bic) == decided
    assert not bic.admin.every(f"/groups/{group['id']}/members")
