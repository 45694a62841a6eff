"""Bringing a whole block up and down. Every step looks first and does only what is missing."""

import os
import signal
import subprocess
from pathlib import Path

import content
import endpoints
import topology
from administrator import ADMIN, Administrator
from daemons import Daemon, migrations, web_root
from layout import Layout
from nodes import Nodes, Tree
from packs import Pack, PackedAgent
from postgres import Cluster
from process import (as_service, command_lines, do_as_service, is_ours, leads, lend, own, stop_pids, told,
                     write_as_service)
from progress import say, step
from rest import Problem, Rest

BULK = {"bulk_mib_per_s": 0}    # on loopback there is no network to be kept free of images
FAILURES = (RuntimeError, OSError, Problem)


def by_reason(failed: list) -> str:
    """(what, why)… as one text, each reason once."""
    reasons = {}
    for what, why in failed:
        reasons.setdefault(why, []).append(what)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())


class BlockRun:
    def __init__(self, layout: Layout, small: bool, images: Path, block: topology.Block | None = None):
        self.layout = layout
        self.small = small
        self.images = images
        self.block = block or (topology.small() if small else topology.whole())
        self.tls = os.environ.get("TLS") == "1"
        self.trouble = []       # what `up` could not do
        layout.make()
        lend(layout.state.resolve(), 0o755)
        for d in (layout.run, layout.log, layout.conf):
            lend(d, 0o750)
        own(layout.home)
        self.public = []        # directories of certificates that browsers see, with TLS=1
        self.clusters = {"ccc": Cluster(layout, "ccc", "ccc")}
        for m in self.block.modules:
            self.clusters[m.name] = Cluster(layout, m.name, "module")
        self.authority = layout.state / "ccc" / "ca" / "ca.crt"
        self.ccc = self._ccc()
        self.xcenters = [self._xcenter(n + 1) for n in range(self.block.xcenters)]
        self.bcenters = {m.name: self._bcenter(m.name) for m in self.block.modules}
        self.packs = {m.name: Pack(layout, m.name) for m in self.block.modules if len(m.packed()) > 1}
        self.agents = {h.name: self._agent(m.name, h) for m in self.block.modules for h in m.hosts}

    # ---- what each daemon is told

    def _scheme(self) -> str:
        return "https" if self.tls else "http"

    def _public_pki(self, name: str, listener: str) -> dict:
        """TLS=1: certificate and key of a listener that browsers see, made by `ccc --make-certificate`."""
        if not self.tls:
            return {}
        directory = self.layout.state / name / "public"
        self.public.append(directory)
        return {f"{listener}_cert": directory / "server.crt", f"{listener}_key": directory / "server.key"}

    def _ccc(self) -> Daemon:
        port = self.layout.port("portal", 8080)
        management = self.layout.port("ccc")
        database = self.clusters["ccc"]
        return Daemon(self.layout, "ccc", "ccc", {
            "database": database.conninfo("ccc"), "owner_database": database.conninfo("ccc_owner"),
            "migrations": migrations("ccc"), "public_listen": f"127.0.0.1:{port}",
            "public_url": f"{self._scheme()}://localhost:{port}", **self._public_pki("ccc", "public"),
            "management_listen": f"127.0.0.1:{management}", "management_url": f"https://127.0.0.1:{management}",
            "web_root": web_root(), "blob_dir": self.layout.state / "ccc" / "blobs",
            "ca_dir": self.layout.state / "ccc" / "ca"})

    def _join(self, name: str) -> dict:
        return {"join_url": self.ccc.config["management_url"],
                "join_token_file": self.layout.state / name / "join-token"}

    def _xcenter(self, number: int) -> Daemon:
        name = "xcenter" if number == 1 else f"xcenter-{number}"
        port = self.layout.port(name)
        return Daemon(self.layout, "xcenter", name, {
            **self._join(name), "ccc_url": self.ccc.config["management_url"], **BULK,
            "management_listen": f"127.0.0.1:{port}", "management_url": f"https://127.0.0.1:{port}"})

    def _bcenter(self, module: str) -> Daemon:
        name = f"bcenter-{module}"
        port, login = self.layout.port(name), self.layout.port(f"{name}-login")
        database = self.clusters[module]
        return Daemon(self.layout, "bcenter", name, {
            **self._join(name), "database": database.conninfo("module"),
            "owner_database": database.conninfo("module_owner"), "migrations": migrations("module"),
            "xcenter_url": ", ".join(x.config["management_url"] for x in self.xcenters), **BULK,
            "management_listen": f"127.0.0.1:{port}", "management_url": f"https://127.0.0.1:{port}",
            "login_listen": f"127.0.0.1:{login}", "login_url": f"{self._scheme()}://localhost:{login}",
            **self._public_pki(name, "login"),
            "web_root": web_root(), "cache_dir": self.layout.state / name / "cache"})

    def _agent(self, module: str, host: topology.Host) -> Daemon:
        name = f"bs-{host.name}"
        state = self.layout.state / name
        embedded = host.kind == "embedded"
        lanes = [self.layout.port(f"{name}-lane{n}") for n in range(2)] if embedded else []
        scheme = "wss" if self.tls else "ws"
        config = {
            **self._join(name), "name": host.name, "kind": host.kind,
            "uri": f"qemu:///embed?root={state / 'v'}" if embedded else f"test://{state / 'node.xml'}",
            "module_url": self.bcenters[module].config["management_url"], **BULK,
            "management_listen": "127.0.0.1:0",
            "display_listen": ", ".join(f"127.0.0.1:{p}" for p in lanes),
            "display_url": ", ".join(f"{scheme}://localhost:{p}/display" for p in lanes),
            **(self._public_pki(name, "display") if embedded else {})}
        pack = None if embedded else self.packs.get(module)
        return (PackedAgent(self.layout, name, config, pack) if pack
                else Daemon(self.layout, "bserver-agent", name, config))

    def packed(self) -> list:
        return [a for pack in self.packs.values() for a in pack.agents]

    def daemons(self) -> list:
        """Each is a process."""
        alone = [a for a in self.agents.values() if a not in self.packed()]
        return [self.ccc, *self.xcenters, *self.bcenters.values(), *self.packs.values(), *alone]

    # ---- up

    def up(self) -> None:
        """Everything that can be done is done: what fails holds up only what needs it."""
        with self.layout.alone():
            self._up()

    def _up(self) -> None:
        self.trouble = []
        if not web_root():
            say("     the web portal is not built: only REST will answer")
        self._stop_strays()
        for name, cluster in self.clusters.items():
            self._attempt(f"PostgreSQL cluster {name}", self._start_cluster, cluster)
        self._stop_outdated()
        self._attempt("CCC", self._start_ccc)
        rest = Rest(f"{self.ccc.config['public_url']}/api/v1", self.authority if self.tls else None)
        admin = Administrator(self.ccc, rest, self.layout.secret("user-admin"))
        self.tree = Tree(self.layout, admin)
        self.nodes = Nodes(self.tree, self.block.name, self.agents, self.clusters["ccc"])
        try:
            for daemon in self.xcenters:
                self._attempt(daemon.name, self._start_xcenter, daemon)
            for m in self.block.modules:
                self._attempt(f"bCenter of {m.name}", self._start_bcenter, m)
            for m in self.block.modules:
                self._attempt(f"bServers of {m.name}", self._start_hosts, m)
            self._attempt("images, pools and people", self._make_content, admin)
            self._attempt("run/endpoints.json", endpoints.save, self)
            self._attempt("desktops", self._wait_running, admin)
        finally:
            admin.sign_out()
        if self.trouble:
            raise RuntimeError(f"not everything was done: {by_reason(self.trouble)}")
        if not self.small:
            endpoints.tell(self)

    def _attempt(self, what: str, action, *arguments) -> None:
        """What does not go well is said at once, and again at the end, where it is looked for."""
        try:
            action(*arguments)
        except FAILURES as bad:
            if str(bad) not in (why for _, why in self.trouble):
                say(f"[!!] {what}: {bad}")
            self.trouble.append((what, str(bad)))

    def strays(self) -> list:
        """Pids of daemons that no pid file names: their start was cut off."""
        known = {d.process.pid() for d in self.daemons()}
        files = [d.config_file for d in self.daemons()] + [a.alone_file for a in self.packed()]
        return [pid for pid, argv in command_lines().items() if pid not in known and leads(pid, known) and is_ours(pid)
                and any(told(argv, "--config", file) for file in files)]

    def _stop_strays(self) -> None:
        if strays := self.strays():
            with step("stopping what an interrupted run began"):
                stop_pids(strays)
        for agent in self.packed():
            agent.forget_alone()

    def _start_cluster(self, cluster: Cluster) -> None:
        if cluster.process.pid() and (cluster.data / "bic-ready").exists():
            return
        with step(f"PostgreSQL cluster {cluster.name}"):
            cluster.up()

    def _stop_outdated(self) -> None:
        """Daemons that another version, or another configuration, started."""
        old = [d for d in self.daemons() if d.write_config() | d.outdated()]
        if running := [d for d in old if d.process.pid()]:
            with step(f"stopping {len(running)} daemons that are not of this version"):
                stop_pids([d.process.pid() for d in running])

    def _run(self, daemon: Daemon, *options: str, stdin: str = "") -> None:
        done = subprocess.run([daemon.binary, "--config", daemon.config_file, *options], input=stdin, text=True,
                              capture_output=True, check=False, cwd=self.layout.state, **as_service())
        if done.returncode:
            raise RuntimeError(f"{daemon.program} {' '.join(options)}: {done.stderr.strip()}")

    def _start_ccc(self) -> None:
        if self.ccc.ready():
            return
        with step("CCC"):
            self._run(self.ccc, "--migrate")
            for directory in self.public:
                do_as_service("mkdir", "-p", "-m", "700", "--", directory)
                self._run(self.ccc, "--make-certificate", f"{directory}:localhost,127.0.0.1")
            made = self.ccc.state / "admin-made"
            if not made.exists():
                try:
                    self._run(self.ccc, "--make-admin", ADMIN, stdin=self.layout.secret("user-admin") + "\n")
                except RuntimeError as refused:
                    if "exist" not in str(refused):
                        raise
                do_as_service("touch", "--", made)
            self.ccc.start()
            self.ccc.wait_ready()

    def _start_node(self, daemon: Daemon, what: str, kind: str, name: str, module: str = "") -> None:
        if daemon.ready():
            return
        with step(what):
            self.nodes.begin(daemon, kind, name, module)
            self.nodes.finish(daemon, kind, name, module)

    def _start_xcenter(self, daemon: Daemon) -> None:
        """The first one makes the block, and has its name; the others join it."""
        first = daemon is self.xcenters[0]
        if not first and not self.tree.block(self.block.name):
            raise RuntimeError(f"there is no {self.block.name} yet that it could join")
        self._start_node(daemon, daemon.name, "xcenter", self.block.name if first else f"{self.block.name}-{daemon.name}")

    def _start_bcenter(self, module: topology.Module) -> None:
        daemon = self.bcenters[module.name]
        if not daemon.process.pid():
            with step(f"database of {module.name}"):
                self._run(daemon, "--migrate")
        self._start_node(daemon, f"bCenter of {module.name}", "bcenter", module.name, module.name)

    def _start_hosts(self, module: topology.Module) -> None:
        missing = [h for h in module.hosts if not self.agents[h.name].ready()]
        if not missing:
            return
        failed = []
        with step(f"{len(missing)} bServers of {module.name}"):
            for go_on in (self._begin_host, self._begin_pack, self._finish_host):
                for host in [h for h in missing if h.name not in dict(failed)]:
                    try:
                        go_on(host, module)
                    except FAILURES as bad:
                        failed.append((host.name, str(bad)))
            if failed:
                raise RuntimeError(by_reason(failed))

    def _begin_host(self, host: topology.Host, module: topology.Module) -> None:
        agent = self.agents[host.name]
        if host.kind == "simulated":
            write_as_service(agent.state / "node.xml", topology.simulated_node(host.name))
        self.nodes.begin(agent, "bserver", host.name, module.name)

    def _begin_pack(self, host: topology.Host, module: topology.Module) -> None:
        if self.agents[host.name] in self.packed():
            self.packs[module.name].start()

    def _finish_host(self, host: topology.Host, module: topology.Module) -> None:
        self.nodes.finish(self.agents[host.name], "bserver", host.name, module.name)

    def _make_content(self, admin: Administrator) -> None:
        """Once: what is there afterwards is the administrators', who may change it and take it away."""
        made = self.ccc.state / "content-made"
        if self.small or made.exists():
            return
        rest = admin.rest()
        modules = content.modules_up(rest, [m.name for m in self.block.modules], len(self.agents))
        if self.block.simulated():
            content.rated(rest, self.layout.secret, self.layout.home, modules)
        else:
            content.whole(rest, self.layout.secret, self.images, modules)
        do_as_service("touch", "--", made)

    def _wait_running(self, admin: Administrator) -> None:
        """A block of simulated bServers is for its desktops, which run again after each start."""
        if self.block.simulated() and not self.small:
            content.wait_running(admin.rest())

    def status(self) -> None:
        for cluster in self.clusters.values():
            say(f"  {cluster.process.name:24} {cluster.process.pid() or 'not running'}")
        for d in self.daemons():
            say(f"  {d.name:24} {d.process.pid() or 'not running'}")

    # ---- down

    def machines(self) -> list:
        """Pids of the QEMU processes of this installation's embedded bServers: they outlive their agents."""
        roots = [str(agent.state / "v") for agent in self.agents.values()]
        return [pid for pid, argv in command_lines().items()
                if argv and "qemu-system" in argv[0] and any(root in a for root in roots for a in argv) and is_ours(pid)]

    def down(self) -> None:
        with self.layout.alone():
            self._down()

    def _down(self) -> None:
        with step("stopping"):
            stop_pids([*(d.process.pid() for d in self.daemons()), *self.strays()])
            stop_pids(self.machines())
            stop_pids([c.process.pid() for c in self.clusters.values()], signal.SIGINT)  # fast shutdown
            stop_pids([pid for c in self.clusters.values() for pid in c.left_behind()], signal.SIGQUIT)
            for d in [*self.daemons(), *self.clusters.values()]:
                d.process.pidfile.unlink(missing_ok=True)
        (self.layout.run / "endpoints.json").unlink(missing_ok=True)
