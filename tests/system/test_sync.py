"""Sync under the faults of docs/sync.md: a relay restarted empty (with what was deleted meanwhile, and with nobody to
ask), a source restored to an older copy, a CCC that is away for longer than memory has room."""

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
from urllib.parse import urlsplit

from conftest import WAIT_S, wait_until


def replica(bic, module="module-1"):
    with bic.database(module) as db:
        return {(k, str(i)) for k, i in db.execute("select kind, id from replica where body is not null").fetchall()}


def kill_relays(bic):
    for xcenter in bic.run.xcenters:
        os.kill(xcenter.process.pid(), signal.SIGKILL)


def test_relay_restarted_empty(bic):
    """Both xCenters die; a pool made meanwhile arrives, and nothing was taken for deleted."""
    before = replica(bic)
    assert before
    kill_relays(bic)
    spec = bic.admin.call("POST", "/groups", {"name": "while-away", "description": ""})
    pool = bic.pool("while-away", [1, 0], kind="persistent", spares=0, networked=True)
    bic.run.up()
    wait_until("the pool's desktop", lambda: len(bic.desktops(pool)) == 1, WAIT_S)
    assert before <= replica(bic) | {("operation", i) for k, i in before if k == "operation"}
    bic.drop_pool(pool)
    bic.admin.call("DELETE", f"/groups/{spec['id']}", headers={"If-Match": f'"{spec["generation"]}"'})


def held(bic):
    return {m["name"]: m["held"] for m in bic.admin.every("/modules") if m.get("held")}


def held_at(bic, name):
    return held(bic).get(name, 0)


def test_deleted_while_the_relay_is_dead(bic):
    """The restarted xCenters never heard of what was deleted meanwhile; the module must, and nothing is held: the source
    named each deletion, and absence decided nothing."""
    keep = bic.pool("outlives", [2, 0], kind="persistent", spares=0, networked=True)
    gone = bic.pool("vanishes", [2, 0], spares=0, networked=True)
    group = bic.admin.call("POST", "/groups", {"name": "vanishes too", "description": ""})
    entitled = bic.admin.call("POST", "/entitlements", {"pool_id": keep["id"], "group_id": group["id"]})
    wait_until("the desktops", lambda: len(bic.desktops(keep)) == 2 and len(bic.desktops(gone)) == 2, WAIT_S)
    wait_until("the entitlement is below", lambda: ("entitlement", entitled["id"]) in replica(bic), WAIT_S)
    before = replica(bic)
    kill_relays(bic)
    bic.admin.call("DELETE", f"/entitlements/{entitled['id']}", headers={"If-Match": f'"{entitled["generation"]}"'})
    now = bic.admin.call("GET", f"/pools/{gone['id']}")
    bic.admin.call("DELETE", f"/pools/{gone['id']}", headers={"If-Match": f'"{now["generation"]}"'})
    bic.run.up()

    def vanished():
        there = replica(bic)
        with bic.database("module-1") as db:
            left = db.execute("select count(*) from desktop where pool_id = %s", [gone["id"]]).fetchone()[0]
        return left == 0 and not {("entitlement", entitled["id"]), ("pool", gone["id"])} & there
    wait_until("pool, desktops and entitlement gone at the module", vanished, WAIT_S)
    wait_until("gone in the mirror", lambda: not bic.desktops(gone), WAIT_S)
    assert held(bic) == {}
    lost = {(k, i) for k, i in before - replica(bic) if k not in ("operation", "session")}
    assert {i for _, i in lost} <= {entitled["id"], gone["id"], group["id"]}, lost
    assert len(bic.desktops(keep)) == 2
    bic.drop_pool(keep)
    bic.admin.call("DELETE", f"/groups/{group['id']}", headers={"If-Match": f'"{group["generation"]}"'})


def test_audit_waits_for_the_ccc(bic):
    """More rows than any memory holds are written while the CCC is away, and the bCenter dies besides: all arrive."""
    many = 6000
    bic.run.ccc.stop()
    with bic.database("module-1") as db:
        db.execute("insert into audit (actor_name, action, detail) select 'test', 'test.many', n "
                   "from generate_series(1, %s) n", [many])
    os.kill(bic.run.bcenters["module-1"].process.pid(), signal.SIGKILL)
    bic.run.up()
    bic.admin.login("admin", bic.run.layout.secret("user-admin"))

    def arrived():
        with bic.database() as db:
            return db.execute("select count(distinct detail) from audit where action = 'test.many'").fetchone()[0] == many
    wait_until("the whole audit at the CCC", arrived, WAIT_S)

    def told():
        with bic.database("module-1") as db:
            return db.execute("select count(*) from audit a, audit_told t where (a.rev, a.no) > (t.rev, t.no)"
                              ).fetchone()[0] < 500
    wait_until("the module knows that", told, WAIT_S)
    wait_until("all are up", lambda: all(m["state"] == "up" for m in bic.admin.every("/modules")), WAIT_S)


def test_bulk_leaves_room_for_heartbeats(bic):
    """Unless told otherwise, images take less than 100 Mbit/s of the management network, also all ten agents together."""
    rates = {}
    for daemon in (bic.run.xcenters[0], bic.run.bcenters["module-1"], next(iter(bic.run.agents.values()))):
        text = daemon.config_file.read_text()
        plain = daemon.layout.run / "plain.conf"
        plain.write_text("".join(line for line in text.splitlines(True) if not line.startswith("bulk_mib_per_s")))
        shown = subprocess.run([daemon.binary, "--config", plain, "--print-config"], check=True, text=True,
                               capture_output=True, cwd=daemon.layout.state).stdout
        plain.unlink()
        rates[daemon.program] = int(next(line.split("=")[1] for line in shown.splitlines()
                                         if line.startswith("bulk_mib_per_s")))
    room = 100e6 / 8 / 2**20 * 0.9
    assert 0 < rates["xcenter"] * 2 < room      # both of a block
    assert 0 < rates["bcenter"] * 2 < room      # both modules of a block
    assert 0 < rates["bserver-agent"] * 10 < room


def ask_relay(bic, path):
    """What the first xCenter answers to the first module's bCenter: status and body."""
    url = urlsplit(bic.run.xcenters[0].config["management_url"])
    pki = bic.run.bcenters["module-1"].state / "pki"
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.check_hostname = False      # who it is stands in its certificate
    context.load_cert_chain(pki / "node.crt", pki / "node.key")
    c = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=60)
    c.request("GET", path)
    answer = c.getresponse()
    return answer.status, json.loads(answer.read())


def test_relay_without_a_complete_copy_is_not_ready(bic):
    """The xCenters start while the CCC is away: 503, never an empty list, and the module goes on by itself."""
    pool = bic.pool("by itself", [1, 0], kind="persistent", spares=0, networked=True)
    rest = bic.user("seo")
    bic.entitle(pool, rest)
    wait_until("its desktop", lambda: len(bic.desktops(pool)) == 1, WAIT_S)
    login = bic.run.bcenters["module-1"].config["login_url"]
    wait_until("her pool at the module", lambda: bic.sign_in("seo", "pw-seo-2026", login).every("/pools"), WAIT_S)
    wait_until("all acknowledged", lambda: ask_relay(bic, "/sync/v1/wanted?wait=0")[0] == 200, WAIT_S)
    before = replica(bic)
    bic.run.ccc.stop()
    for xcenter in bic.run.xcenters:
        xcenter.stop()
    try:
        for xcenter in bic.run.xcenters:
            xcenter.start()
            xcenter.wait_ready()
        for _ in range(3):
            status, problem = ask_relay(bic, "/sync/v1/wanted?wait=2")
            assert (status, problem["type"]) == (503, "/problems/not-ready"), problem
        assert ask_relay(bic, "/healthz")[0] == 200
        assert ask_relay(bic, "/readyz")[0] == 503
        seo = bic.sign_in("seo", "pw-seo-2026", login)
        assert [p["id"] for p in seo.every("/pools")] == [pool["id"]]
        assert before == replica(bic)
    finally:
        bic.run.up()
    wait_until("a complete copy again", lambda: ask_relay(bic, "/sync/v1/wanted?wait=0")[0] == 200, WAIT_S)
    wait_until("all are up", lambda: all(m["state"] == "up" for m in bic.admin.every("/modules")), WAIT_S)
    assert {(k, i) for k, i in before - replica(bic) if k not in ("operation", "session")} == set() and held(bic) == {}
    bic.drop_pool(pool)


def test_source_restored_to_an_older_copy(bic):
    """The CCC's database goes back to a copy from before a pool was made: the modules notice (another history) and do
    not run desktops for a pool that nobody knows, unless that would be a mass deletion, which waits for a person."""
    cluster = bic.run.clusters["ccc"]
    keep = bic.pool("kept", [3, 0], kind="persistent", spares=0, networked=True)
    wait_until("its desktops", lambda: len(bic.desktops(keep)) == 3, WAIT_S)
    bic.run.ccc.stop()
    cluster.stop()
    copy = cluster.data.with_name("ccc-copy")
    subprocess.run(["cp", "-a", cluster.data, copy], check=True)
    bic.run.up()
    bic.admin.login("admin", bic.run.layout.secret("user-admin"))
    later = bic.pool("later", [2, 0], kind="persistent", spares=0, networked=True)
    wait_until("later's desktops", lambda: len(bic.desktops(later)) == 2, WAIT_S)
    bic.run.ccc.stop()
    cluster.stop()
    shutil.rmtree(cluster.data)
    copy.rename(cluster.data)
    bic.run.up()
    bic.admin.login("admin", bic.run.layout.secret("user-admin"))

    def caught_up():
        names = {p["name"] for p in bic.admin.every("/pools")}
        with bic.database("module-1") as db:
            pools = db.execute("select count(distinct pool_id) from desktop").fetchone()[0]
        return "later" not in names and "kept" in names and pools >= 1 and all(
            m["state"] == "up" for m in bic.admin.every("/modules"))
    wait_until("the modules follow the older copy", caught_up, WAIT_S)
    with bic.database("module-1") as db:
        held = db.execute("select count(*) from desktop where pool_id = %s", [later["id"]]).fetchone()[0]
        kept = db.execute("select count(*) from desktop where pool_id = %s", [keep["id"]]).fetchone()[0]
    assert kept == 3
    assert held == 2, "persistent desktops are held until a person confirms"
    wait_until("the module says what it holds", lambda: held_at(bic, "module-1") > 0, WAIT_S)
    module = next(m for m in bic.admin.every("/modules") if m["name"] == "module-1")
    confirm = {"action": "confirm-deletions"}
    assert bic.admin.call("POST", f"/modules/{module['id']}/actions", confirm)["released"] > 0

    def gone():
        with bic.database("module-1") as db:
            return db.execute("select count(*) from desktop where pool_id = %s", [later["id"]]).fetchone()[0] == 0
    wait_until("confirmed, they go", gone, WAIT_S)
    wait_until("nothing is held", lambda: held_at(bic, "module-1") == 0, WAIT_S)
    assert bic.admin.call("POST", f"/modules/{module['id']}/actions", confirm)["released"] == 0
    assert len(bic.desktops(keep)) == 3
    bic.drop_pool(keep)
