"""Configuration files of the daemons, and starting them in the order that they need each other."""

import json
import os
import time
from pathlib import Path

from layout import SOURCE, Layout, demand_free, fresh
from process import Process, do_as_service, lend, own, write_as_service


# Threads here do little and mostly wait: what each would keep of malloc's small blocks for its next burst is worth more to
# the machine's desktops (1.6 MB of a block).
THRIFTY = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=1"}


class Daemon:
    """One daemon process: its configuration, its ready file, its pid."""

    REFUSED = "join-refused"

    def __init__(self, layout: Layout, program: str, name: str, config: dict):
        self.layout = layout
        self.program = program
        self.name = name
        self.state = layout.state / name
        self.ready_file = self.state / "ready.json"
        self.config = {"state_dir": self.state, "ready_file": self.ready_file, **config}
        self.config_file = layout.conf / f"{name}.conf"
        self.process = Process(layout, name)

    @property
    def binary(self) -> Path:
        return self.layout.build / self.program / self.program

    def write_config(self) -> bool:
        """Whether it changed. With passwords in it, so for the service user alone to read."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        own(self.state)
        text = "".join(f"{key} = {value}\n" for key, value in self.config.items())
        if self.config_file.exists() and self.config_file.read_text() == text:
            return False
        tmp = self.config_file.with_suffix(".tmp")
        with os.fdopen(fresh(tmp), "w") as f:
            f.write(text)
        lend(tmp, 0o640)
        os.replace(tmp, self.config_file)
        return True

    def outdated(self) -> bool:
        """Runs, but was started before its program was built."""
        return bool(self.process.pid()) and self.binary.stat().st_mtime > self.process.pidfile.stat().st_mtime

    def token_file(self) -> Path:
        return self.state / "join-token"

    def token(self) -> str:
        """The join token that it was given; empty if there is none."""
        try:
            return self.token_file().read_text(errors="replace").strip()
        except FileNotFoundError:
            return ""

    def joined(self) -> bool:
        return (self.state / "pki" / "node.crt").exists()

    def give_token(self, token: str) -> None:
        write_as_service(self.token_file(), token + "\n")

    def start(self) -> bool:
        """Starts it unless it runs; returns whether it had to."""
        if self.process.pid():
            return False
        do_as_service("rm", "-f", "--", self.ready_file)
        for port in self.ports():
            demand_free(port, self.name, self.layout.port_name(port))
        self.process.start([self.binary, "--config", self.config_file], THRIFTY)
        return True

    def ports(self) -> list:
        """Those it listens on; 0, any, is none."""
        listeners = [str(value).split(", ") for key, value in self.config.items() if key.endswith("_listen") and value]
        return [port for some in listeners for address in some if (port := int(address.rpartition(":")[2]))]

    def ready(self) -> dict:
        """What the running process says of itself; empty until it does."""
        try:
            said = json.loads(self.ready_file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return said if said.get("pid") == self.process.pid() else {}

    def wait_ready(self, seconds: float = 60) -> dict:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            said = self.ready()
            if said:
                return said
            if self.gone_wrong():
                raise RuntimeError(f"{self.name} {'was not taken' if self.process.pid() else 'ended at once'}: see "
                                   f"{self.process.log}\n" + self.last_words())
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} is not ready after {seconds:.0f} s: see {self.process.log}\n" + self.last_words())

    def last_words(self) -> str:
        return self.process.last_words()

    def refused(self) -> bool:
        """It ended because the CCC did not take its token."""
        return not self.process.pid() and not self.joined() and self.REFUSED in self.last_words()

    def gone_wrong(self) -> bool:
        """There is no use in waiting for it."""
        return not self.process.pid()

    def stop(self) -> None:
        self.process.stop()


def migrations(database: str) -> Path:
    return SOURCE / "sql" / database / "migrations"


def web_root() -> Path | str:
    """The built portal; empty when it is not built: the daemons then serve REST alone."""
    dist = SOURCE / "web" / "dist"
    return dist if (dist / "index.html").exists() else ""
