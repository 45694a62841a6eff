"""Where things are in one installation: directories, ports, secrets, the user that services run as."""

import fcntl
import hashlib
import json
import os
import pwd
import re
import secrets
import socket
from contextlib import contextmanager
from pathlib import Path

from progress import say

SOURCE = Path(__file__).resolve().parents[2]
SERVICE_USER = "bic"
STATE_PATH_MAX = 36
PORTS_FROM = 20000
PORTS = re.compile(r"(\d{1,5})-(\d{1,5})")
PORTS_LEAST = 200       # a block takes about 50, and others on the machine may have some
PATH_CHARACTERS = re.compile(r"[\w/.+@=-]+")     # others mean something in configuration files and command lines


def reachable_by(user: pwd.struct_passwd, path: Path) -> bool:
    """Whether the user may walk down to path (its parents' x bits; groups beyond the primary are ignored)."""
    for part in [path, *path.parents]:
        if not part.exists():
            continue
        st = part.stat()
        bit = 0o100 if st.st_uid == user.pw_uid else 0o010 if st.st_gid == user.pw_gid else 0o001
        if part != path and not st.st_mode & bit:
            return False
    return True


def fresh(path: Path, mode: int = 0o600) -> int:
    """A new file, whatever lay there before; nothing that lies there is followed."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)


def free(port: int) -> bool:
    """Whether a daemon could listen on this port of loopback now."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_range() -> tuple:
    """Where ports are chosen from: PORTS=LOW-HIGH, else none that the kernel gives to outgoing connections: while a daemon
    is down, any of those could take it."""
    if named := os.environ.get("PORTS"):
        ends = PORTS.fullmatch(named)
        if not ends or not 1024 <= int(ends[1]) <= int(ends[2]) - PORTS_LEAST or int(ends[2]) > 65535:
            raise RuntimeError(f"PORTS is LOW-HIGH, two ports from 1024 to 65535 and {PORTS_LEAST} apart at least")
        return int(ends[1]), int(ends[2]) + 1
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return (PORTS_FROM, first) if first > PORTS_FROM + 1000 else (1024, first)


def demand_free(port: int, whose: str, name: str) -> None:
    """name is the port's in ports.json."""
    if not free(port):
        raise RuntimeError(f"port {port} of {whose} is taken by another program: end that one, or take \"{name}\" out of "
                           "run/ports.json, then another port is chosen")


class Layout:
    """One installation under one state directory. Ports and secrets are made once and kept."""

    def __init__(self, state: Path):
        self.state = state
        self.run = state / "run"
        self.log = state / "log"
        self.conf = state / "conf"
        self.home = state / "service-home"  # the services' own: libvirt keeps a cache there
        self.build = Path(os.environ.get("BIC_BUILD") or SOURCE / "build" / "run")
        self._ports = self._load("ports.json")
        self._secrets = self._load("secrets.json")

    def make(self) -> None:
        for d in (self.state, self.run, self.log, self.conf, self.home):
            d.mkdir(mode=0o755 if d == self.state else 0o750, parents=True, exist_ok=True)

    def _load(self, name: str) -> dict:
        try:
            return json.loads((self.run / name).read_text())
        except FileNotFoundError:
            return {}

    def save(self, name: str, value) -> None:
        """Whole or not at all, readable by the owner only."""
        tmp = self.run / f".{name}.tmp"
        fd = fresh(tmp)
        with os.fdopen(fd, "w") as f:
            json.dump(value, f, indent=1)
            f.write("\n")
            f.flush()
            os.fsync(f.fileno())
        os.replace(tmp, self.run / name)

    def port(self, name: str, preferred: int = 0) -> int:
        """A free port for name; the same one for ever after."""
        if name not in self._ports:
            self._ports[name] = self._free_port(preferred)
            self.save("ports.json", self._ports)
            if preferred not in (0, self._ports[name]):
                say(f"     port {preferred} is taken by another program: the {name} gets port {self._ports[name]}")
        return self._ports[name]

    def port_name(self, port: int) -> str:
        return next((name for name, kept in self._ports.items() if kept == port), "")

    def _free_port(self, preferred: int) -> int:
        low, high = port_range()
        wished = [preferred] if preferred else []
        for candidate in [*wished, *secrets.SystemRandom().sample(range(low, high), high - low)]:
            if candidate not in self._ports.values() and free(candidate):
                return candidate
        raise RuntimeError(f"no port from {low} to {high - 1} is free")

    @contextmanager
    def alone(self):
        """One `make run` or `make stop` at a time: each takes for granted that what it sees is not changing."""
        with open(self.run / "lock", "a") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RuntimeError(f"another `make run` or `make stop` is at work on {self.state}") from None
            yield

    def secret(self, name: str) -> str:
        if name not in self._secrets:
            self._secrets[name] = secrets.token_urlsafe(18)
            self.save("secrets.json", self._secrets)
        return self._secrets[name]


def service_user() -> pwd.struct_passwd:
    """Root runs services as their own user; everybody else as himself."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        raise RuntimeError(f"there is no user {SERVICE_USER}, as which root runs services: `make run` makes it") from None


def short(state: Path) -> Path:
    """The same directory by a name that leaves room for the sockets in it: their addresses hold 107 bytes."""
    if len(str(state)) <= STATE_PATH_MAX:
        return state
    base = Path("/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR") or "/tmp")
    alias = base / f"bic-{hashlib.sha256(str(state).encode()).hexdigest()[:10]}"
    if alias.is_symlink() and alias.lstat().st_uid != os.geteuid():
        raise RuntimeError(f"{alias} is a link that somebody else made: remove it, or choose a shorter STATE")
    if alias.is_symlink() and alias.readlink() != state:
        alias.unlink()
    if not alias.is_symlink():
        alias.symlink_to(state)
    return alias


def demand_ours(path: Path) -> None:
    """What root began only root goes on with, and what a user began only he: files and services are theirs."""
    try:
        uid = path.stat().st_uid
    except FileNotFoundError:
        return
    except PermissionError:
        raise RuntimeError(f"{path} may not be looked at by {user_name(os.geteuid())}") from None
    if uid != os.geteuid():
        raise RuntimeError(f"{path} is {user_name(uid)}'s, and you are {user_name(os.geteuid())}: go on as "
                           f"{user_name(uid)}, or in another checkout or (for the state) with another STATE=DIR")


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def state_directory() -> Path:
    """STATE or var/. A checkout that the service user cannot reach (say, under /root) gets its state in
    /var/lib/bic instead, with var as a link to it."""
    state = Path(os.environ.get("STATE") or "var")
    state = Path(os.path.normpath(state if state.is_absolute() else SOURCE / state))
    if not PATH_CHARACTERS.fullmatch(str(state)):
        raise RuntimeError(f"the state directory {state} has more in its name than letters, digits and /._+@=-: choose "
                           "another STATE=DIR")
    if state.is_symlink() or reachable_by(service_user(), state):
        return short(state.resolve())
    named = SOURCE if state == SOURCE / "var" else state
    away = Path("/var/lib/bic") / str(named).strip("/").replace("/", "-")
    away.mkdir(parents=True, exist_ok=True)
    if not state.exists():
        state.symlink_to(away)
    elif not any(state.iterdir()):
        state.rmdir()
        state.symlink_to(away)
    return short(away)
