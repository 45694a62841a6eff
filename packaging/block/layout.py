"""Where things are in one installation: directories, ports, secrets, the user that services run as."""

import hashlib
import json
import os
import pwd
import secrets
import socket
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
SERVICE_USER = "bic"
STATE_PATH_MAX = 36
PORTS_FROM = 20000


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
        return self._ports[name]

    def _free_port(self, preferred: int) -> int:
        """Not one that the kernel gives to outgoing connections: while a daemon is down, any of those could take it."""
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        low, high = (PORTS_FROM, first) if first > PORTS_FROM + 1000 else (1024, first)
        while True:
            candidate = preferred or low + secrets.randbelow(high - low)
            preferred = 0
            if candidate in self._ports.values():
                continue
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("127.0.0.1", candidate))
                except OSError:
                    continue
            return candidate

    def secret(self, name: str) -> str:
        if name not in self._secrets:
            self._secrets[name] = secrets.token_urlsafe(18)
            self.save("secrets.json", self._secrets)
        return self._secrets[name]


def service_user() -> pwd.struct_passwd:
    """Root runs services as their own user; everybody else as himself."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    return pwd.getpwnam(SERVICE_USER)


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


def state_directory() -> Path:
    """STATE or var/. A checkout that the service user cannot reach (say, under /root) gets its state in
    /var/lib/bic instead, with var as a link to it."""
    state = Path(os.environ.get("STATE") or "var")
    state = state if state.is_absolute() else SOURCE / state
    if state.is_symlink() or reachable_by(service_user(), state):
        return short(state.resolve())
    away = Path("/var/lib/bic") / str(SOURCE).strip("/").replace("/", "-")
    away.mkdir(parents=True, exist_ok=True)
    if not state.exists():
        state.symlink_to(away)
    elif not any(state.iterdir()):
        state.rmdir()
        state.symlink_to(away)
    return short(away)
