"""Processes that outlive this program: started once, known by pid and start time, stopped by pid."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from layout import Layout, service_user

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


class Process:
    def __init__(self, layout: Layout, name: str):
        self.layout = layout
        self.name = name
        self.pidfile = layout.run / f"{name}.pid"

    def pid(self) -> int:
        """The live process, 0 if there is none."""
        try:
            known = json.loads(self.pidfile.read_text())
        except (FileNotFoundError, ValueError):
            return 0
        until = time.monotonic() + STOP_S
        while dying(known["pid"]) and time.monotonic() < until:
            time.sleep(0.02)
        same = start_time(known["pid"]) == known["start"] != ""
        return known["pid"] if same and is_ours(known["pid"]) else 0

    def remember(self, pid: int) -> None:
        self.layout.save(self.pidfile.name, {"pid": pid, "start": start_time(pid)})

    def start(self, argv: list, env: dict | None = None) -> None:
        log = open(self.layout.log / f"{self.name}.log", "ab")
        home = {"HOME": str(self.layout.home), "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                "LC_ALL": "C.UTF-8"}
        sanitizer = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 cwd=self.layout.state, start_new_session=True, close_fds=True,
                                 env={**home, **sanitizer, **(env or {})}, **as_service())
        log.close()
        self.remember(child.pid)

    def stop(self, how: int = signal.SIGTERM) -> None:
        stop_pids([self.pid()], how)
        self.pidfile.unlink(missing_ok=True)


def stop_pids(pids: list, how: int = signal.SIGTERM) -> None:
    """Asks all, waits, insists. The start time guards against another process with the same number."""
    born = {pid: start_time(pid) for pid in pids if pid}
    for sig, patience in ((how, STOP_S), (signal.SIGKILL, 5)):
        until = time.monotonic() + patience
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
