"""Bringing a whole block up and down. Every step looks first and does only what is missing."""

import os
import signal
import subprocess
from pathlib import Path

import content
import topology
from daemons import Daemon, migrations, web_root
from layout import Layout
from postgres import Cluster
from process import as_service, do_as_service, is_ours, lend, own, stop_pids, write_as_service
from progress import say, step
from rest import Problem, Rest, wait_until

ADMIN = "admin"


class BlockRun:
    def __init__(self, layout: Layout, small: bool, images: Path, block: topology.Block | None = None):
        self.layout = layout
        self.small = small
        self.images = images
        self.block = block or (topology.small() if small else topology.whole())
        self.tls = os.environ.get("TLS") == "1"
        layout.make()
        lend(layout.state.resolve(), 0o755)
        for d in (layout.run, layout.log, layout.conf):
            lend(d, 0o750)
        own(layout.home)
        self.public = []        # directories of certificates that browsers see, with TLS=1
        self.clusters = {"ccc": Cluster(layout, "ccc", "ccc")}
        for m in self.block.modules:
            self.clusters[m.name] = Cluster(layout, m.name, "module")
        self.ccc = self._ccc()
        self.xcenter = self._xcenter()
        self.bcenters = {m.name: self._bcenter(m.name) for m in self.block.modules}
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

    def _xcenter(self) -> Daemon:
        port = self.layout.port("xcenter")
        return Daemon(self.layout, "xcenter", "xcenter", {
            **self._join("xcenter"), "ccc_url": self.ccc.config["management_url"],
            "management_listen": f"127.0.0.1:{port}", "management_url": f"https://127.0.0.1:{port}"})

    def _bcenter(self, module: str) -> Daemon:
        name = f"bcenter-{module}"
        port, login = self.layout.port(name), self.layout.port(f"{name}-login")
        database = self.clusters[module]
        return Daemon(self.layout, "bcenter", name, {
            **self._join(name), "database": database.conninfo("module"),
            "owner_database": database.conninfo("module_owner"), "migrations": migrations("module"),
            "xcenter_url": self.xcenter.config["management_url"],
            "management_listen": f"127.0.0.1:{port}", "management_url": f"https://127.0.0.1:{port}",
            "login_listen": f"127.0.0.1:{login}", "login_url": f"{self._scheme()}://localhost:{login}",
            **self._public_pki(name, "login"),
            "web_root": web_root(), "cache_dir": self.layout.state / name / "cache"})

    def _agent(self, module: str, host: topology.Host) -> Daemon:
        name = f"bs-{host.name}"
        state = self.layout.state / name
        embedded = host.kind == "embedded"
        lanes = [self.layout.port(f"{name}-lane{n}") for n in range(1 if embedded else 2)] if embedded else []
        scheme = "wss" if self.tls else "ws"
        return Daemon(self.layout, "bserver-agent", name, {
            **self._join(name), "name": host.name, "kind": host.kind,
            "uri": f"qemu:///embed?root={state / 'v'}" if embedded else f"test://{state / 'node.xml'}",
            "module_url": self.bcenters[module].config["management_url"],
            "management_listen": "127.0.0.1:0",
            "display_listen": ", ".join(f"127.0.0.1:{p}" for p in lanes),
            "display_url": ", ".join(f"{scheme}://localhost:{p}/display" for p in lanes),
            **(self._public_pki(name, "display") if embedded else {})})

    def daemons(self) -> list:
        return [self.ccc, self.xcenter, *self.bcenters.values(), *self.agents.values()]

    # ---- up

    def up(self) -> None:
        if not web_root():
            say("     the web portal is not built: only REST will answer")
        for name, cluster in self.clusters.items():
            if not cluster.process.pid() or not (cluster.data / "bic-ready").exists():
                with step(f"PostgreSQL cluster {name}"):
                    cluster.up()
        for d in self.daemons():
            if d.write_config() or d.outdated():
                d.stop()
        self._start_ccc()
        rest = self._sign_in()
        try:
            self._join_block(rest)
            if not self.small:
                names = [m.name for m in self.block.modules]
                modules = content.modules_up(rest, names, len(self.agents))
                content.whole(rest, self.layout.secret, self.images, modules)
            self._endpoints(rest)
        finally:
            rest.logout()
        self._tell()

    def _run(self, daemon: Daemon, *options: str, stdin: str = "") -> None:
        done = subprocess.run([daemon.binary, "--config", daemon.config_file, *options], input=stdin, text=True,
                              capture_output=True, check=False, cwd=self.layout.state, **as_service())
        if done.returncode:
            raise RuntimeError(f"{daemon.program} {' '.join(options)}: {done.stderr.strip()}")

    def _start_ccc(self) -> None:
        if self.ccc.process.pid() and self.ccc.ready():
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

    def _public_ca(self) -> Path | None:
        return self.layout.state / "ccc" / "ca" / "ca.crt" if self.tls else None

    def _sign_in(self) -> Rest:
        rest = Rest(f"{self.ccc.config['public_url']}/api/v1", self._public_ca())
        def answered():
            rest.login(ADMIN, self.layout.secret("user-admin"))
            return True
        wait_until("log-in as administrator", answered, 60)
        return rest

    def _token(self, rest: Rest, daemon: Daemon, kind: str, name: str, parent: str | None) -> None:
        """A join token for a node that has neither certificate nor token."""
        if daemon.joined() or daemon.token_file().exists():
            return
        body = {"kind": kind, "name": name, **({"parent_id": parent} if parent else {})}
        daemon.give_token(rest.call("POST", "/node-tokens", body)["token"])

    def _named(self, rest: Rest, path: str, name: str) -> str:
        return next(item["id"] for item in rest.every(path) if item["name"] == name)

    def _join_block(self, rest: Rest) -> None:
        self._token(rest, self.xcenter, "xcenter", self.block.name, None)
        self._up(self.xcenter, "xCenter")
        block = self._named(rest, "/blocks", self.block.name)
        for m in self.block.modules:
            b = self.bcenters[m.name]
            self._token(rest, b, "bcenter", m.name, block)
            if not b.process.pid():
                self._run(b, "--migrate")
            self._up(b, f"bCenter of {m.name}")
        for m in self.block.modules:
            module = self._named(rest, "/modules", m.name)
            missing = [h for h in m.hosts if not self.agents[h.name].ready()]
            if not missing:
                continue
            with step(f"{len(missing)} bServers of {m.name}"):
                for h in missing:
                    self._prepare_host(h)
                    self._token(rest, self.agents[h.name], "bserver", h.name, module)
                    self.agents[h.name].start()
                for h in missing:
                    self.agents[h.name].wait_ready()

    def _prepare_host(self, host: topology.Host) -> None:
        agent = self.agents[host.name]
        if host.kind == "simulated":
            node = agent.state / "node.xml"
            write_as_service(node, topology.simulated_node(host.name))

    def _up(self, daemon: Daemon, what: str) -> None:
        if daemon.ready():
            return
        with step(what):
            daemon.start()
            daemon.wait_ready()

    # ---- what there is

    def _endpoints(self, rest: Rest) -> None:
        portal = self.ccc.config["public_url"]
        accounts = [{"role": "admin", "username": ADMIN, "password": self.layout.secret("user-admin")}]
        if not self.small:
            accounts += [{"role": "user", "username": u, "password": self.layout.secret(f"user-{u}")}
                         for u, _ in content.PEOPLE]
        modules = {m["name"]: m for m in rest.every("/modules")}
        self.layout.save("endpoints.json", {
            "portal": portal, "api": f"{portal}/api/v1", "docs": f"{portal}/docs", "accounts": accounts,
            "blocks": [{"id": self._named(rest, "/blocks", self.block.name),
                        "xcenters": [self.xcenter.config["management_url"]],
                        "bcenters": [{"id": modules[m.name]["id"], "name": m.name,
                                      "login": f"{self.bcenters[m.name].config['login_url']}/api/v1",
                                      "urls": [self.bcenters[m.name].config["management_url"]],
                                      "database": self.clusters[m.name].url("module")} for m in self.block.modules]}],
            "database": self.clusters["ccc"].url("ccc"),
            "ca": str(self.layout.state / "ccc" / "ca" / "ca.crt"),
            "processes": [{"name": d.program, "id": d.ready().get("id", d.name), "service": d.name,
                           "pid": d.process.pid()} for d in self.daemons()] +
                         [{"name": "postgres", "id": c.name, "service": c.process.name, "pid": c.process.pid()}
                          for c in self.clusters.values()]})

    def _tell(self) -> None:
        if self.small:
            return
        say("")
        say(f"  Portal   {self.ccc.config['public_url']}/")
        say(f"  REST     {self.ccc.config['public_url']}/api/v1   (read it at {self.ccc.config['public_url']}/docs)")
        if self.tls:
            say(f"  CA       {self.layout.state / 'ccc' / 'ca' / 'ca.crt'}   (trust it in the browser)")
        for role, name in [("admin", ADMIN)] + [("user", u) for u, _ in content.PEOPLE]:
            say(f"  {role:8} {name} / {self.layout.secret(f'user-{name}')}")
        say("")

    def status(self) -> None:
        for cluster in self.clusters.values():
            say(f"  {cluster.process.name:24} {cluster.process.pid() or 'not running'}")
        for d in self.daemons():
            say(f"  {d.name:24} {d.process.pid() or 'not running'}")

    # ---- down

    def machines(self) -> list:
        """Pids of the QEMU processes of this installation's embedded bServers: they outlive their agents."""
        mine = []
        for agent in self.agents.values():
            root = str(agent.state / "v")
            for proc in Path("/proc").iterdir():
                if not proc.name.isdigit():
                    continue
                try:
                    argv = (proc / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"qemu-system" in argv[0] and any(root.encode() in a for a in argv) and is_ours(int(proc.name)):
                    mine.append(int(proc.name))
        return mine

    def down(self) -> None:
        with step("stopping"):
            stop_pids([d.process.pid() for d in self.daemons()])
            stop_pids(self.machines())
            stop_pids([c.process.pid() for c in self.clusters.values()], signal.SIGINT)  # fast shutdown
            stop_pids([pid for c in self.clusters.values() for pid in c.left_behind()], signal.SIGQUIT)
            for d in [*self.daemons(), *self.clusters.values()]:
                d.process.pidfile.unlink(missing_ok=True)
        (self.layout.run / "endpoints.json").unlink(missing_ok=True)
