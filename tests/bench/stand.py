"""The stand: a small block under a state directory of its own, with people who have desktops on a simulated host."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import host

SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "packaging" / "block"), str(SOURCE / "tests" / "system")]

import content  # noqa: E402
import topology  # noqa: E402
from block import BlockRun  # noqa: E402
from layout import Layout  # noqa: E402
from postgres import BIN  # noqa: E402
from progress import step  # noqa: E402
from rest import Rest, wait_until  # noqa: E402

IMAGES = Path(os.environ.get("BIC_IMAGES", SOURCE / "var" / "images"))
PEOPLE = 48
RATED = 1000  # of a module
WAIT_S = 180


class BenchBlock(BlockRun):
    """Simulated bServers name a display address too, though nothing can be seen there: so tickets are given for them."""

    def _agent(self, module, of):
        daemon = super()._agent(module, of)
        if of.kind == "simulated":
            ports = [self.layout.port(f"{daemon.name}-lane{n}") for n in range(2)]
            daemon.config["display_listen"] = ", ".join(f"127.0.0.1:{p}" for p in ports)
            daemon.config["display_url"] = ", ".join(f"ws://localhost:{p}/display" for p in ports)
        return daemon


class Stand:
    def __init__(self, state: Path, people: int = PEOPLE, block: topology.Block | None = None):
        state.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.run = BenchBlock(Layout(state), small=True, images=IMAGES, block=block)
        self.state = state
        self.people = people

    def up(self) -> None:
        self.run.up()
        self.admin = Rest(f"{self.portal}/api/v1")
        self.admin.login("admin", self.run.layout.secret("user-admin"))
        modules = content.modules_up(self.admin, [m.name for m in self.run.block.modules], len(self.run.agents))
        self.module = next(iter(modules.values()))
        self.image = content.image(self.admin, "tiny", "benchmark", IMAGES / "tiny.qcow2")
        self.group = self.admin.ensure("/groups", "name", {"name": "bench", "description": ""})

    def down(self) -> None:
        self.run.down()

    @property
    def portal(self) -> str:
        return self.run.ccc.config["public_url"]

    @property
    def login(self) -> str:
        """The address at which the first module's bCenter takes people in."""
        return self.run.bcenters["module-1"].config["login_url"]

    def pool(self, name: str, size: int, networked: bool, kind: str = "persistent", spares: int = 0) -> dict:
        spec = (content.spec(self.admin, "tiny-vf", memory_mib=256, needs_vf=True) if networked
                else content.spec(self.admin, "tiny", memory_mib=192))
        pool = content.pool(self.admin, name, "", self.image, {self.module: size}, kind, spares, spec)
        content.entitle(self.admin, self.group, [pool])
        return pool

    def shared_pool(self, name: str, sizes: dict, spares: int) -> dict:
        """A floating pool over several modules (id → desktops), on simulated hosts."""
        spec = content.spec(self.admin, "tiny-vf", memory_mib=256, needs_vf=True)
        pool = content.pool(self.admin, name, "", self.image, sizes, "floating", spares, spec)
        content.entitle(self.admin, self.group, [pool])
        return pool

    def person(self, username: str) -> Rest:
        """Someone in the group, signed in at the portal."""
        password = f"pw-{username}-2026"
        user = self.admin.call("POST", "/users", {"username": username, "display_name": username, "role": "user",
                                                  "locale": "en", "password": password})
        self.admin.call("PUT", f"/groups/{self.group['id']}/members/{user['id']}")
        rest = Rest(f"{self.portal}/api/v1")
        rest.login(username, password)
        return rest

    def at_module(self, username: str) -> Rest:
        rest = Rest(f"{self.login}/api/v1")
        wait_until("log-in at the module", lambda: rest.login(username, f"pw-{username}-2026") or rest.token, 60)
        return rest

    def connect(self, rest: Rest, pool: dict) -> dict:
        """A live connection, after a boot if that is needed."""
        def live():
            answer = rest.call("POST", "/connections", {"pool_id": pool["id"]})
            if "display" in answer:
                return answer
            rest.call("GET", f"/operations/{answer['id']}?wait=5")
            return None
        return wait_until("a desktop", live, WAIT_S)

    def seat_people(self) -> tuple:
        """Files of "TOKEN DESKTOP" lines: at the bCenter's listener and at the CCC's, each person with a live session."""
        pool = self.pool("bench", self.people, networked=True)

        def one(n: int) -> tuple:
            rest = self.person(f"p{n}")
            desktop = self.connect(rest, pool)["desktop_id"]
            return rest.token, self.at_module(f"p{n}").token, desktop
        with step(f"{self.people} people take their desktops"), ThreadPoolExecutor(4) as crowd:
            seated = list(crowd.map(one, range(self.people)))
        files = self.state / "people-module", self.state / "people-ccc"
        files[0].write_text("".join(f"{module} {desktop}\n" for _, module, desktop in seated))
        files[1].write_text("".join(f"{portal} {desktop}\n" for portal, _, desktop in seated))
        return files

    # ---- what is measured

    def cluster_pids(self, name: str):
        return lambda: host.children(self.run.clusters[name].process.pid())

    def tiers(self) -> dict:
        """Name → pids of every tier, PostgreSQL apart."""
        run = self.run
        return {"ccc": [run.ccc.process.pid()], "xcenter": [x.process.pid() for x in run.xcenters],
                "bcenter": [run.bcenters["module-1"].process.pid()],
                "agents": list({a.process.pid() for a in run.agents.values()}),
                "postgres ccc": self.cluster_pids("ccc"), "postgres module": self.cluster_pids("module-1")}

    def copy_database(self, name: str) -> str:
        """The same rows in the same cluster for pgbench, which must not touch what BIC works with."""
        cluster = self.run.clusters[name]
        owner = f"{cluster.database}_owner"
        environment = {**os.environ, "PGPASSWORD": cluster.layout.secret(f"{name}-postgres")}
        where = ["-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres"]
        cluster.sql("drop database if exists bench with (force)")
        cluster.sql(f"create database bench owner {owner}")
        dump = subprocess.run([BIN / "pg_dump", *where, cluster.database], env=environment, capture_output=True, check=True)
        subprocess.run([BIN / "psql", "-X", "-q", "-o", "/dev/null", *where, "-v", "ON_ERROR_STOP=1", "bench"],
                       env=environment, input=dump.stdout, check=True)
        cluster.sql("vacuum analyze", "bench")
        return "bench"
