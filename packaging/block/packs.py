"""The simulated bServers of a module share one agent process; each keeps its configuration, state, node and ready file."""

import os
import time

from daemons import Daemon
from layout import Layout, demand_free
from process import Process, lend


class Pack(Daemon):
    """The process."""

    def __init__(self, layout: Layout, module: str):
        hosts = layout.conf / f"agents-{module}"
        super().__init__(layout, "bserver-agent", f"agents-{module}", {"hosts": hosts, "management_listen": "127.0.0.1:0"})
        self.hosts = hosts
        self.agents = []

    def write_config(self) -> bool:
        """Also those of its hosts, which it reads again by itself when they change."""
        self.hosts.mkdir(mode=0o750, exist_ok=True)
        lend(self.hosts, 0o750)
        for file in set(self.hosts.glob("*.conf")) - {a.config_file for a in self.agents}:
            file.unlink()
        for agent in self.agents:
            agent.write_config()
        return super().write_config()

    def start(self) -> bool:
        if not self.process.pid():
            for agent in self.agents:
                for port in agent.ports():
                    demand_free(port, agent.name, self.layout.port_name(port))
        return super().start()


class PackedAgent(Daemon):
    """One of them. Its process is the pack's, which is started when all that are new have their tokens."""

    def __init__(self, layout: Layout, name: str, config: dict, pack: Pack):
        super().__init__(layout, "bserver-agent", name, config)
        self.alone_file = self.config_file              # of the version before, when it had a process of its own
        self.alone = Process(layout, name)
        self.config_file = pack.hosts / f"{name}.conf"
        self.process = pack.process
        pack.agents.append(self)

    def forget_alone(self) -> None:
        """That process has been stopped."""
        self.alone_file.unlink(missing_ok=True)
        self.alone.pidfile.unlink(missing_ok=True)

    def start(self) -> bool:
        """A pack that runs tries at once what it could not do: a file that is younger is read again."""
        if not self.process.pid():
            return False
        self.log_from = self._log_size()
        if not self.ready() and self.config_file.exists():
            os.utime(self.config_file)
        return True

    log_from = 0

    def _log_size(self) -> int:
        try:
            return self.process.log.stat().st_size
        except FileNotFoundError:
            return 0

    def last_words(self) -> str:
        """What the pack has said of it since it was begun, indented."""
        try:
            with open(self.process.log, errors="replace") as f:
                f.seek(self.log_from)
                said = [line.rstrip() for line in f if f" about={self.name} " in line]
        except FileNotFoundError:
            return ""
        return "\n".join("     " + line for line in said[-8:])

    def refused(self) -> bool:
        return not self.joined() and self.REFUSED in self.last_words()

    def gone_wrong(self) -> bool:
        return not self.process.pid() or self.refused()

    def outdated(self) -> bool:
        return False    # its pack is

    def stop(self, seconds: float = 20) -> None:
        """Without its file the pack closes it; `up` puts it back."""
        self.config_file.unlink(missing_ok=True)
        until = time.monotonic() + seconds
        while self.ready() and time.monotonic() < until:
            time.sleep(0.05)
