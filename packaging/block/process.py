"""Processes that outlive this program: started once, known by pid and start time, stopped by pid."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from layout import Layout, service_user
from progress import hold

STOP_S = 20
PF_EXITING = 4      # linux/sched.h


def start_time(pid: int) -> str:
    """Field 22 of /proc/PID/stat: with the pid it names one process for good. Empty if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    after = stat.rpartition(")")[2].split()
    return "" if after[0] == "Z" else after[19]


def dying(pid: int) -> bool:
    """Whether it was killed but has not ended yet: it neither works any more nor has it given back its ports."""
    try:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        flags = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[6])
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except (FileNotFoundError, ProcessLookupError):
        return False
    if status["State"].split()[0] in "ZX":
        return threads > 1
    pending = int(status["SigPnd"], 16) | int(status["ShdPnd"], 16)
    return bool(pending & 1 << signal.SIGKILL - 1 or flags & PF_EXITING)


def as_service() -> dict:
    """Arguments for subprocess that drop root to the service user."""
    if os.geteuid() != 0:
        return {}
    user = service_user()
    groups = [g for g in os.getgrouplist(user.pw_name, user.pw_gid)]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}


def own(path: Path) -> None:
    """Gives path, an entry of a directory that the service user may not change, to the service user."""
    if os.geteuid() == 0:
        user = service_user()
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def lend(path: Path, mode: int) -> None:
    """Lets the service user's group read path, which stays ours."""
    if os.geteuid() == 0:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        os.fchown(fd, 0, service_user().pw_gid)
        os.fchmod(fd, mode)
        os.close(fd)


def do_as_service(*argv, text: str = "") -> None:
    """Changes in directories of the service user are made as him: a link planted there opens nothing new to him."""
    done = subprocess.run([str(a) for a in argv], input=text, text=True, capture_output=True, check=False, cwd="/",
                          **as_service())
    if done.returncode:
        raise RuntimeError(f"{argv[0]}: {done.stderr.strip()}")


def write_as_service(path: Path, text: str, how: str = ">") -> None:
    """Replaces (>) or extends (>>) a file in a directory of the service user."""
    do_as_service("sh", "-c", f'umask 077; cat {how} "$1"', "sh", path, text=text)


def is_ours(pid: int) -> bool:
    """Whether the process runs as the user that services run as."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    return int(uid) == service_user().pw_uid


def command_lines() -> dict:
    """Pid → arguments of every process there is."""
    found = {}
    for proc in Path("/proc").iterdir():
        if proc.name.isdigit():
            try:
                found[int(proc.name)] = (proc / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            except OSError:
                continue
    return found


def told(argv: list, option: str, value: Path) -> bool:
    """Whether the program of this command line was given this option with this value."""
    return any(a == option and b == str(value) for a, b in zip(argv, argv[1:]))


def leads(pid: int, known: set) -> bool:
    """Whether it was started as start() does it: in a session of its own, not by one of the known. What a daemon has
    just forked, and what libvirt has not made a machine yet, has the daemon's command line too."""
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        return os.getsid(pid) == pid and parent not in known
    except (FileNotFoundError, ProcessLookupError):
        return False


class Process:
    def __init__(self, layout: Layout, name: str):
        self.layout = layout
        self.name = name
        self.pidfile = layout.run / f"{name}.pid"
        self.log = layout.log / f"{name}.log"

    def pid(self) -> int:
        """The live process, 0 if there is none."""
        try:
            known = json.loads(self.pidfile.read_text())
        except (FileNotFoundError, ValueError):
            return 0
        hold(f"the end of {self.name}, which was killed", lambda: dying(known["pid"]), STOP_S)
        same = start_time(known["pid"]) == known["start"] != ""
        return known["pid"] if same and is_ours(known["pid"]) else 0

    def remember(self, pid: int) -> None:
        self.layout.save(self.pidfile.name, {"pid": pid, "start": start_time(pid)})

    def start(self, argv: list, env: dict | None = None) -> None:
        log = open(self.log, "ab")
        home = {"HOME": str(self.layout.home), "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                "LC_ALL": "C.UTF-8"}
        sanitizer = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 cwd=self.layout.state, start_new_session=True, close_fds=True,
                                 env={**home, **sanitizer, **(env or {})}, **as_service())
        log.close()
        self.remember(child.pid)

    def last_words(self) -> str:
        """The end of its log, indented."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join("     " + line for line in lines[-8:])

    def stop(self, how: int = signal.SIGTERM) -> None:
        stop_pids([self.pid()], how)
        self.pidfile.unlink(missing_ok=True)


def stop_pids(pids: list, how: int = signal.SIGTERM, patience: float = STOP_S) -> None:
    """Asks all, waits, insists. The start time guards against another process with the same number."""
    born = {pid: start_time(pid) for pid in pids if pid}
    for sig, wait in ((how, patience), (signal.SIGKILL, 5)):
        until = time.monotonic() + wait
        for pid in alive(born):
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        while alive(born) and time.monotonic() < until:
            time.sleep(0.05)


def alive(born: dict) -> list:
    for pid in born:
        reap(pid)
    return [pid for pid, when in born.items() if when and start_time(pid) == when]


def reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
