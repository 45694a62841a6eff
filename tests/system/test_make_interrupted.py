"""`make run` where it hurts most: interrupted at every token and pid file, run twice at once, with a port taken, a disk
full, somebody else's installation in its place."""

import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from conftest import SOURCE, WAIT_S, Layout, Rest, content, processes_of, small_block, wait_until
from test_make import alive, block, healthy, pids, program, refused

import daemons
import process
import topology
from layout import demand_free, state_directory
from process import Process
from progress import explained


def interrupt_once(monkeypatch, cls, method, marks):
    """The first call of the method for each name is what the run dies of."""
    real = getattr(cls, method)

    def dying(self, *arguments):
        if (method, self.name) not in marks:
            marks.append((method, self.name))
            raise KeyboardInterrupt
        return real(self, *arguments)
    monkeypatch.setattr(cls, method, dying)


@pytest.fixture(scope="module")
def fresh():
    """Another installation beside the block of all tests, not yet begun."""
    run = small_block(Path(tempfile.mkdtemp(prefix="bic-f")))
    yield run
    run.down()
    assert not processes_of(run.layout.state)


def fill(run, name):
    """Tokens until the module of this bServer is full, with the lost ones of both of its bServers."""
    with psycopg.connect(run.clusters["ccc"].url("ccc_owner"), autocommit=True) as db:
        db.execute("""insert into node_token (id, secret_sha256, kind, name, block_id, module_id, node_id, expires_at)
                      select md5(n::text), repeat('0', 64), 'bserver', 'filler-' || n, block_id, module_id,
                             gen_random_uuid(), now() + interval '1 h'
                        from node_token, generate_series(1, 8) n where name = %s""", [name])


def test_interrupted_before_each_token_and_each_pid_file(fresh, monkeypatch):
    """A run that dies with an answer it did not write down, or a process it did not: the next one goes on, and nothing
    runs twice."""
    marks = []
    with monkeypatch.context() as m:
        interrupt_once(m, daemons.Daemon, "give_token", marks)
        interrupt_once(m, Process, "remember", marks)
        while True:
            try:
                fresh.up()
                break
            except KeyboardInterrupt:
                if marks[-1] == ("give_token", "bs-b2-02"):
                    fill(fresh, "b2-02")
    names = [d.name for d in fresh.daemons()]
    assert sorted(n for what, n in marks if what == "give_token") == sorted(names[1:])
    names += [c.process.name for c in fresh.clusters.values()]
    assert sorted(n for what, n in marks if what == "remember") == sorted(names)
    once_each(fresh)
    with psycopg.connect(fresh.clusters["ccc"].url("ccc_owner"), autocommit=True) as db:
        db.execute("delete from node_token where name like 'filler-%'")
        assert db.execute("select (select count(*) from block), (select count(*) from module), "
                          "(select count(*) from node where kind <> 'ccc')").fetchone() == (1, 2, 7)


def once_each(run):
    """Every daemon and every postmaster of the installation runs exactly once, and is known by its pid."""
    running = {p: line for p, line in processes_of(run.layout.state).items() if process.leads(p, set())}
    for d in run.daemons():
        assert [p for p, line in running.items() if f"--config {d.config_file}" in line] == [d.process.pid()], d.name
    for c in run.clusters.values():
        assert [p for p, line in running.items() if f"-D {c.data}" in line] == [c.process.pid()], c.name


def forget(run):
    """As if the run had died between the start of these and writing it down."""
    some = [run.ccc, run.agents["b1-02"], run.clusters["module-1"]]
    for one in some:
        one.process.pidfile.unlink()
    return some


def test_forgotten_processes_are_not_started_twice(fresh):
    fresh.up()
    before = {d.name: d.process.pid() for d in fresh.daemons()}
    some = forget(fresh)
    fresh.up()
    once_each(fresh)
    changed = {d.name for d in fresh.daemons() if d.process.pid() != before[d.name]}
    assert changed == {one.name for one in some[:2]}


def test_forgotten_processes_are_stopped(fresh):
    fresh.up()
    forget(fresh)
    fresh.down()
    assert not processes_of(fresh.layout.state)


def test_a_refused_token_is_replaced(fresh):
    """Also for a bServer that an administrator deleted and wants again; meanwhile nobody waits for it."""
    fresh.up()
    agent = fresh.agents["b1-02"]
    rest = Rest(f"{fresh.ccc.config['public_url']}/api/v1")
    rest.login("admin", fresh.layout.secret("user-admin"))
    wait_until("its report", lambda: len(rest.every("/bservers")) == 4, WAIT_S)
    node = next(n for n in rest.every("/nodes") if n["name"] == "b1-02")
    rest.call("DELETE", f"/nodes/{node['id']}", headers={"If-Match": f'"{node["generation"]}"'})
    agent.stop()
    wait_until("its silence", lambda: sum(b["state"] == "up" for b in rest.every("/bservers")) == 3, WAIT_S)
    fresh.up()
    assert set(content.modules_up(rest, ["module-1", "module-2"], 4)) == {"module-1", "module-2"}

    agent.stop()
    shutil.rmtree(agent.state / "pki")
    with psycopg.connect(fresh.clusters["ccc"].url("ccc_owner"), autocommit=True) as db:
        db.execute("update node_token set expires_at = now() - interval '1 h', taken_at = taken_at - interval '2 days'")
    fresh.up()
    assert agent.ready()["id"] != node["id"]
    rest.logout()


# ---- a clear sentence

def test_interrupted_by_hand():
    state = Path(tempfile.mkdtemp(prefix="bic-i"))
    os.chmod(state, 0o755)
    child = subprocess.Popen([sys.executable, "-B", SOURCE / "packaging" / "block", "up", "--small"], text=True,
                             env={**os.environ, "STATE": str(state)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = ""
    while "[..] PostgreSQL cluster module-1" not in said:
        said += child.stdout.readline()
    child.send_signal(signal.SIGINT)
    said += child.stdout.read()
    assert child.wait(60) == 1 and "goes on where it stopped" in said and "Traceback" not in said, said
    assert program(state, "down").returncode == 0
    assert not processes_of(state)


def test_a_block_with_one_xcenter_gets_its_second():
    """An installation of the version before: the second one joins its block, the first and all else stay what they were."""
    state = Path(tempfile.mkdtemp(prefix="bic-x"))

    def little(xcenters):
        return small_block(state, topology.Block("block-1", [topology.module("module-1", "b1", 0, 1)], xcenters))

    def told(run):
        rest = Rest(f"{run.ccc.config['public_url']}/api/v1")
        rest.login("admin", run.layout.secret("user-admin"))
        one, = rest.every("/blocks")
        module, = rest.every("/modules")
        nodes = {n["id"] for n in rest.every("/nodes")}
        return one["id"], module["id"], nodes, sorted(x["url"] for x in one["xcenters"] if x["state"] == "up"), module["state"]
    before = little(1)
    try:
        before.up()
        block_, module, nodes, _, _ = told(before)
        first = before.xcenters[0].process.pid()
        after = little(2)
        after.up()
        assert after.xcenters[0].process.pid() == first
        assert json.loads((state / "run" / "endpoints.json").read_text())["blocks"][0]["xcenters"] == [
            x.config["management_url"] for x in after.xcenters]
        urls = sorted(x.config["management_url"] for x in after.xcenters)
        wait_until("both are up", lambda: told(after)[3:] == (urls, "up"), WAIT_S)
        now = told(after)
        assert now[:2] == (block_, module) and nodes < now[2] and len(now[2]) == len(nodes) + 1
        running = {d.name: d.process.pid() for d in after.daemons()}
        after.up()
        assert {d.name: d.process.pid() for d in after.daemons()} == running
    finally:
        little(2).down()
    assert not processes_of(state)


def test_waiting_for_a_dying_process_is_told(bic, monkeypatch, capsys):
    until = time.monotonic() + 2
    monkeypatch.setattr(process, "dying", lambda pid: time.monotonic() < until)
    assert bic.run.ccc.process.pid()
    assert "waiting for the end of ccc" in capsys.readouterr().out


def test_a_taken_port(tmp_path, capsys):
    layout = Layout(tmp_path)
    layout.make()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        chosen = layout.port("portal", taken)
        assert chosen != taken
        said = capsys.readouterr().out
        assert f"port {taken} is taken" in said and str(chosen) in said
        with pytest.raises(RuntimeError, match=f"port {taken} of ccc is taken by another program"):
            demand_free(taken, "ccc", "portal")
    assert layout.port("portal", taken) == chosen and not capsys.readouterr().out


def test_a_port_taken_meanwhile(bic):
    """While the daemon was down another program took its port: it is named, and the rest goes on."""
    bic.run.xcenters[0].stop()
    port = bic.run.xcenters[0].ports()[0]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        os.kill(pids(bic)["bs-b2-02"], signal.SIGKILL)
        said = refused(bic.run.layout.state, "up")
    assert f"port {port} of xcenter is taken by another program" in said
    assert alive(bic, ["xcenter", "bs-b2-02"]) == ["bs-b2-02"]
    block(bic, "up")
    wait_until("all are up", lambda: healthy(bic), WAIT_S)


def test_one_at_a_time(bic):
    with open(bic.run.layout.run / "lock", "a") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        for verb in ("up", "down"):
            assert "another `make run` or `make stop` is at work" in refused(bic.run.layout.state, verb)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_somebody_elses_installation():
    state = Path(tempfile.mkdtemp(prefix="bic-o"))
    os.chmod(state, 0o755)
    (state / "run").mkdir()
    os.chown(state / "run", 65534, 65534)
    for verb in ("check", "up", "down"):
        assert f"{state}/run is nobody's, and you are root" in refused(state, verb)
    assert [f.name for f in state.iterdir()] == ["run"]


def test_a_state_that_cannot_be(monkeypatch):
    for bad in ("/tmp/a b", "/tmp/a;b", "/tmp/a:b", "/tmp/a,b"):
        monkeypatch.setenv("STATE", bad)
        with pytest.raises(RuntimeError, match="choose another STATE=DIR"):
            state_directory()


def test_a_full_disk_is_named(tmp_path):
    for bad in (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RuntimeError("initdb: No space left on device")):
        assert "is full: make room" in explained(bad, tmp_path)
    assert explained(RuntimeError("other"), tmp_path) == "other"
