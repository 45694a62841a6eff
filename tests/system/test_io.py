"""The I/O law's figures, from who gives them down to the module that obeys them (docs/iolaw.md): REST, bicctl, sync."""

import json
import os
import subprocess

import pytest

from conftest import WAIT_S, Problem, wait_until

MOST = 1_000_000


@pytest.fixture
def host(bic):
    """A bServer of the second module, without a limit of an administrator before and after."""
    host = next(b for b in bic.admin.every("/bservers") if b["module_id"] == bic.modules[bic.run.block.modules[1].name])
    assert host["io_limit"] is None
    yield host
    now = bic.admin.call("GET", f"/bservers/{host['id']}")
    if now["io_limit"] is not None:
        patch(bic, f"/bservers/{host['id']}", {"io_limit": None}, now["generation"])


def patch(bic, path, body, generation):
    return bic.admin.call("PATCH", path, body, headers={"If-Match": f'"{generation}"'})


def held(bic, kind, thing):
    """Name of the module → what it wants of this thing, as it keeps it for the time without a CCC."""
    found = {}
    for m in bic.run.block.modules:
        with bic.database(m.name) as db:
            for (body,) in db.execute("select body from replica where kind = %s and id = %s", (kind, thing)).fetchall():
                found[m.name] = body if isinstance(body, dict) else json.loads(body)
    return found


def test_a_limit_reaches_its_module_and_no_other(bic, host):
    path = f"/bservers/{host['id']}"
    given = patch(bic, path, {"io_limit": 812.125}, host["generation"])
    assert (given["io_limit"], given["generation"]) == (812.125, host["generation"] + 1)
    module = bic.run.block.modules[1].name
    wait_until("the module's replica", lambda: held(bic, "bserver_io", host["id"]) == {module: {"limit": 812_125_000}}, WAIT_S)
    assert next(b for b in bic.admin.every("/bservers") if b["id"] == host["id"])["io_limit"] == 812.125
    with pytest.raises(Problem) as stale:
        patch(bic, path, {"io_limit": 1}, host["generation"])
    assert stale.value.slug == "stale-generation"
    with pytest.raises(Problem) as bare:
        bic.admin.call("PATCH", path, {"io_limit": 1})
    assert bare.value.status == 428
    assert patch(bic, path, {"io_limit": None}, given["generation"])["io_limit"] is None
    wait_until("nothing left of it", lambda: not held(bic, "bserver_io", host["id"]), WAIT_S)
    rows = [a for a in bic.admin.every(f"/audit?target_id={host['id']}") if a["action"] == "bserver.change"]
    assert [(a["actor_name"], a["target_name"], a["result"]) for a in rows] == [("admin", host["name"], "ok")] * 2


@pytest.mark.parametrize("limit", [0, -1, 0.0001, 1.2345, MOST + 0.001, "800", True, [1]])
def test_a_limit_is_strict(bic, host, limit):
    with pytest.raises(Problem) as bad:
        patch(bic, f"/bservers/{host['id']}", {"io_limit": limit}, host["generation"])
    assert (bad.value.status, bad.value.body["errors"][0]["pointer"]) == (400, "/io_limit")
    assert "0.001 to 1000000" in bad.value.body["errors"][0]["message"]
    assert bic.admin.call("GET", f"/bservers/{host['id']}")["io_limit"] is None


def test_only_administrators_give_limits(bic, host):
    rest = bic.user("io-nobody")
    with pytest.raises(Problem) as no:
        rest.call("PATCH", f"/bservers/{host['id']}", {"io_limit": 5}, headers={"If-Match": f'"{host["generation"]}"'})
    assert no.value.status == 403


def test_figures_of_a_pool_reach_every_module_of_it(bic):
    pool = bic.pool("io-figures", [1, 1], spares=0, networked=True)
    now = bic.admin.call("GET", f"/pools/{pool['id']}")
    assert {k: now["io"][k] for k in ("job", "per_job", "per_start")} == {"job": "session", "per_job": None, "per_start": None}
    both = {m.name for m in bic.run.block.modules}
    changed = patch(bic, f"/pools/{pool['id']}", {"io": {"job": "desktop", "per_job": 0.001, "per_start": MOST}}, now["generation"])
    assert (changed["io"]["per_job"], changed["io"]["per_start"]) == (0.001, MOST)
    want = {"job": "desktop", "per_job": 1000, "per_start": MOST * 1_000_000}
    wait_until("both replicas", lambda: {n: b["io"] for n, b in held(bic, "pool", pool["id"]).items()} == {n: want for n in both}, WAIT_S)
    for body, pointer in (({"per_job": 0}, "/io/per_job"), ({"per_start": 1e7}, "/io/per_start"), ({"job": "vm"}, "/io/job"),
                          ({"per": 1}, "/io/per")):
        with pytest.raises(Problem) as bad:
            patch(bic, f"/pools/{pool['id']}", {"io": body}, changed["generation"])
        assert (bad.value.status, bad.value.body["errors"][0]["pointer"]) == (400, pointer)
    back = patch(bic, f"/pools/{pool['id']}", {"io": {"per_job": None}}, changed["generation"])
    assert (back["io"]["job"], back["io"]["per_job"], back["io"]["per_start"]) == ("desktop", None, MOST)
    bic.drop_pool(pool)


def test_bicctl_shows_and_sets_them(bic, host, tmp_path):
    def ctl(*words, status=0):
        done = subprocess.run([bic.run.layout.build / "bicctl" / "bicctl", *words], text=True, capture_output=True, check=False,
                              timeout=300, env={**os.environ, "LC_ALL": "C.UTF-8", "BICCTL_CONTEXT": str(tmp_path / "context.json")})
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout
    password = tmp_path / "password"
    password.write_text(bic.run.layout.secret("user-admin") + "\n")
    ctl("login", bic.portal, "admin", "--password-file", str(password))
    assert json.loads(ctl("-o", "json", "set", "bserver", host["name"], "io_limit:=700.1"))["io_limit"] == 700.1
    assert "700.1\n" in next(line + "\n" for line in ctl("get", "bserver", host["name"]).splitlines() if line.startswith("io_limit"))
    assert {"TOTAL", "LIMIT"} <= set(ctl("list", "bservers").splitlines()[0].split())
    assert json.loads(ctl("-o", "json", "set", "bserver", host["name"], "io_limit:=null"))["io_limit"] is None
    ctl("set", "bserver", host["name"], "io_limit:=0", status=1)
    ctl("set", "bserver", host["name"], "io_limit=5", status=1)     # that is text
    ctl("set", "vf", host["name"], "state=free", status=1)
    ctl("set", "bserver", "no-such-host", "io_limit:=5", status=2)
    ctl("logout")
