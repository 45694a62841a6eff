"""2,000 desktops run on 20 simulated bServers of two processes; the laws hold at the last place; a host fails alone."""

import json
import os
import signal
import subprocess
import time
from collections import Counter

import content
import psycopg
import pytest
from conftest import WAIT_S
from process import start_time
from rest import Problem, Rest, wait_until

PARTS = (800, 200)      # of each module, in two pools


class Scale:
    def __init__(self, run):
        self.run = run
        self.rest = Rest(f"{run.ccc.config['public_url']}/api/v1")
        wait_until("log-in", lambda: self.rest.login("admin", run.layout.secret("user-admin")) or self.rest.token, 60)
        names = [m.name for m in run.block.modules]
        self.modules = content.modules_up(self.rest, names, len(run.agents))
        self.image = content.image(self.rest, "empty", "", content.empty_image(run.layout.home))
        self.spec = content.spec(self.rest, "office", memory_mib=1024, needs_vf=True)

    def pool(self, name: str, each: int, spares: int) -> dict:
        return content.pool(self.rest, name, "", self.image, {m: each for m in self.modules.values()}, "floating", spares,
                            self.spec)

    def ready(self) -> int:
        return sum(p["counts"]["ready"] for p in self.rest.every("/pools"))

    def wait_new_runs(self, was: list, on: set) -> None:
        """Until everything runs and is ready, what was on these bServers with another run than it had: that one ended."""
        old = {d["id"]: d["run_id"] for d in was}

        def there() -> bool:
            now = self.rest.every("/desktops")
            return (len(now) == len(was) and all(d["ready"] and d["observed"] == "running" for d in now)
                    and all((d["run_id"] != old[d["id"]]) == (d["bserver_name"] in on) for d in now))
        wait_until("all desktops run again", there, WAIT_S, every=1)

    def run_count(self) -> dict:
        """bServer → desktops that run there, as its own module knows."""
        found = Counter()
        for m in self.run.block.modules:
            with psycopg.connect(self.run.clusters[m.name].url("module")) as db:
                found.update(dict(db.execute("select b.name, count(*) from desktop d join slot s on s.desktop_id = d.id "
                                             "join bserver b on b.id = s.bserver_id where d.run_id is not null group by 1")))
        return found


@pytest.fixture(scope="module")
def scale(block):
    made = Scale(block)
    for name, each in zip(("office", "studio"), PARTS):
        made.pool(name, each, each)
    wait_until("2,000 desktops", lambda: made.ready() == 2000, WAIT_S, every=1)
    return made


def test_every_place_is_taken_and_runs(scale):
    """Exactly 100 a bServer and 50 a lane; each desktop with a function of its own."""
    desktops = scale.rest.every("/desktops")
    assert len(desktops) == 2000 and all(d["observed"] == "running" and d["ready"] for d in desktops)
    assert set(Counter(d["bserver_id"] for d in desktops).values()) == {100}
    assert set(Counter((d["bserver_id"], d["lane"]) for d in desktops).values()) == {50}
    assert len({d["vf_id"] for d in desktops}) == 2000 and len({d["mac"] for d in desktops}) == 2000
    assert len({d["name"] for d in desktops}) == 2000
    for b in scale.rest.every("/bservers"):
        assert (b["slots"], b["slots_used"], b["state"]) == (100, 100, "up")


def test_one_more_is_refused_with_the_laws_numbers(scale):
    with pytest.raises(Problem) as no:
        scale.pool("one-more", 1, 0)
    assert no.value.status == 409 and no.value.slug == "law-module", no.value.body
    assert no.value.body["numbers"], no.value.body
    assert not [p for p in scale.rest.every("/pools") if p["name"] == "one-more"]


def test_each_bserver_is_a_node_of_its_own(scale):
    """One process a module; each host with its own key, certificate and connection."""
    agents = scale.run.agents.values()
    assert len({a.process.pid() for a in agents}) == 2 and len(agents) == 20
    assert len({(a.state / "pki" / "node.crt").read_bytes() for a in agents}) == 20
    assert len({(a.state / "pki" / "node.key").read_bytes() for a in agents}) == 20
    ids = {a.ready()["id"] for a in agents}
    assert ids == {n["id"] for n in scale.rest.every("/nodes") if n["kind"] == "bserver"}


def boots(scale) -> dict:
    """Of those that are up: another boot is a host that was switched off in between."""
    known = {}
    for m in scale.run.block.modules:
        with psycopg.connect(scale.run.clusters[m.name].url("module")) as db:
            known.update(dict(db.execute("select id::text, boot from bserver")))
    return {b["name"]: known.get(b["id"]) for b in scale.rest.every("/bservers") if b["state"] == "up"}


def changed(before: dict, after: dict) -> list:
    return [name for name in before if before[name] != after.get(name)]


def test_a_host_is_closed_alone(scale):
    """Its file goes: that bServer is silent, the nineteen beside it do not even notice. It comes back, and so do its
    desktops: a simulated host that was closed is one that was switched off."""
    agent = scale.run.agents["b1-05"]
    before, process, was = boots(scale), agent.process.pid(), scale.rest.every("/desktops")
    agent.stop()
    wait_until("its silence", lambda: "b1-05" not in boots(scale), WAIT_S, every=1)
    assert {n: b for n, b in before.items() if n != "b1-05"} == boots(scale)
    agent.write_config()
    wait_until("it is back", lambda: set(changed(before, boots(scale))) == {"b1-05"}, WAIT_S, every=1)
    scale.wait_new_runs(was, on={"b1-05"})
    assert changed(before, boots(scale)) == ["b1-05"] and agent.process.pid() == process


def test_a_killed_process_is_ten_hosts_switched_off(scale):
    """After `up` all that ran runs again, on the same bServers, in the same slots."""
    was = scale.rest.every("/desktops")
    held = {d["id"]: (d["bserver_id"], d["lane"], d["name"]) for d in was}
    pack = scale.run.packs["module-1"]
    os.kill(pack.process.pid(), signal.SIGKILL)
    wait_until("its end", lambda: not pack.process.pid(), 60)
    scale.run.up()
    scale.wait_new_runs(was, on={a.config["name"] for a in pack.agents})
    assert {d["id"]: (d["bserver_id"], d["lane"], d["name"]) for d in scale.rest.every("/desktops")} == held
    assert set(scale.run_count().values()) == {100}


def run_alone(agent) -> None:
    """As the version before ran it: a process for this host alone, by a configuration of its own."""
    text = agent.config_file.read_text()
    agent.stop()
    agent.alone_file.write_text(text)
    os.chmod(agent.alone_file, 0o644)
    agent.alone.start([agent.binary, "--config", agent.alone_file])


def test_an_installation_of_single_processes_moves_over(scale):
    """What `make run` of the version before left running is stopped; no row is lost, no node is made anew."""
    nodes = {n["id"]: n["name"] for n in scale.rest.every("/nodes")}
    was, names = scale.rest.every("/desktops"), {"b2-03", "b2-04"}
    held = {d["id"]: (d["bserver_id"], d["lane"]) for d in was}
    agents = [scale.run.agents[n] for n in names]
    for agent in agents:
        run_alone(agent)
        wait_until("it runs alone", lambda a=agent: json.loads(a.ready_file.read_text())["pid"] == a.alone.pid() != 0, WAIT_S)
    scale.wait_new_runs(was, on=names)
    was = scale.rest.every("/desktops")
    alone = {a.alone.pid(): start_time(a.alone.pid()) for a in agents}
    scale.run.up()
    assert not [pid for pid, born in alone.items() if start_time(pid) == born]
    assert not any(a.alone_file.exists() or a.alone.pidfile.exists() for a in agents)
    scale.wait_new_runs(was, on=names)
    assert {n["id"]: n["name"] for n in scale.rest.every("/nodes")} == nodes
    assert {d["id"]: (d["bserver_id"], d["lane"]) for d in scale.rest.every("/desktops")} == held


def test_up_again_changes_nothing(scale):
    def pids() -> dict:
        return {d.name: d.process.pid() for d in scale.run.daemons()}
    before = pids()
    scale.run.up()
    assert pids() == before


def test_down_twice_leaves_nothing(scale):
    """And comes back with every desktop in its place, all of them running."""
    was = scale.rest.every("/desktops")
    held = {d["id"]: (d["bserver_id"], d["lane"]) for d in was}
    begin = time.monotonic()
    scale.run.down()
    print(f"down took {time.monotonic() - begin:.1f} s")
    scale.run.down()
    left = subprocess.run(["pgrep", "-f", f"{scale.run.layout.state}/"], text=True, capture_output=True, check=False).stdout
    assert not left.split()
    scale.run.up()
    scale.wait_new_runs(was, on=set(scale.run.agents))
    assert {d["id"]: (d["bserver_id"], d["lane"]) for d in scale.rest.every("/desktops")} == held
