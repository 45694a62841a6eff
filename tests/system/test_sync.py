"""Sync under the faults of docs/sync.md: a relay restarted empty, a source restored to an older copy."""

import os
import shutil
import signal
import subprocess

from conftest import WAIT_S, wait_until


def replica(bic, module="module-1"):
    with bic.database(module) as db:
        return {(k, str(i)) for k, i in db.execute("select kind, id from replica where body is not null").fetchall()}


def test_relay_restarted_empty(bic):
    """The xCenter dies; a pool made meanwhile arrives, and nothing was taken for deleted."""
    before = replica(bic)
    assert before
    os.kill(bic.run.xcenter.process.pid(), signal.SIGKILL)
    spec = bic.admin.call("POST", "/groups", {"name": "while-away", "description": ""})
    pool = bic.pool("while-away", [1, 0], kind="persistent", spares=0, networked=True)
    bic.run.up()
    wait_until("the pool's desktop", lambda: len(bic.desktops(pool)) == 1, WAIT_S)
    assert before <= replica(bic) | {("operation", i) for k, i in before if k == "operation"}
    bic.drop_pool(pool)
    bic.admin.call("DELETE", f"/groups/{spec['id']}", headers={"If-Match": f'"{spec["generation"]}"'})


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
    bic.drop_pool(keep)
