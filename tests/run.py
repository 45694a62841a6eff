"""Runs the test suites and counts: tests/run.py SUITE… (lint unit db virt system web). `make test` calls it; `make
test-more` runs clang, tsan, races and fuzz.

lint, unit, db and virt run side by side, since each waits much; then system on two blocks at a time, then web.

Every program gets its own log under the state directory's test-log/, shown when it fails. The last line is
"N passed, N failed". Nothing that a suite starts is left running: each runs in its own process group, with a
temporary directory of this run, and everything of that group or with that directory in its command line (daemons,
clusters and machines leave the group) is a failure, and ended. The same when the run is interrupted.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "packaging" / "block"))

from layout import port_range  # noqa: E402

BUILD = Path(os.environ["BIC_BUILD"])
SCRATCH = Path(os.environ["BIC_TEST_STATE"])
LOG = SCRATCH / "test-log"
PATIENCE_S = 1500   # for one program; a hang is a failure, not a mystery
TICK_S = 9          # no silence longer than 10 s
SHOWN = 400         # lines of a failure
HALF = {"test_person", "test_kill", "test_bicctl", "test_audit_events", "test_rest", "test_simulated", "test_io"}   # by time
NAMED = 160         # characters of a failure's name at the end
GOODBYE_S = 60      # for an interrupted suite to put away what it started
SLOW = "test_crowd", "test_shares", "test_two_xcenters"     # in `make test-more` only
RACED = "test_seat", "test_simulated", *SLOW
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: ")


class Count:
    """Programs run side by side."""

    passed = failed = 0
    names = []      # of the failures, said again at the end: there a reader of a long log looks first
    lock = threading.Lock()

    @classmethod
    def add(cls, passed: int, failed: int, *names: str) -> None:
        with cls.lock:
            cls.passed += passed
            cls.failed += failed
            cls.names += names


class Room:
    """A temporary directory. Its name is short (sockets are made in it) and marks the processes that work in it."""

    def __init__(self, path: Path):
        self.path = path
        self.path.chmod(0o1777)     # suites drop root

    def processes(self) -> dict:
        """Pid → command line of everything that works in here."""
        found = {}
        for proc in Path("/proc").iterdir():
            if not proc.name.isdigit() or int(proc.name) == os.getpid():
                continue
            try:
                line = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"{self.path}/" in line:
                found[int(proc.name)] = line
        return found

    def sweep(self) -> list:
        """Ends what is left; returns the command lines."""
        until = time.monotonic() + 2    # a process that is just ending is not left behind
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.1)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return sorted(left.values())

    def sanitizer_reports(self) -> dict:
        """Log of a daemon → its first report. A daemon that died of one was perhaps started again unnoticed."""
        found = {}
        for log in self.path.glob("*/log/*.log"):
            match = SANITIZER.search(text := log.read_text(errors="replace"))
            if match:
                found[log] = text[match.start():match.start() + 3000]
        return found

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class House(Room):
    """All of this run: a room for each program."""

    def __init__(self):
        super().__init__(Path(tempfile.mkdtemp(prefix="bic", dir="/tmp")))
        self.lock = threading.Lock()
        self.rooms = 0

    def room(self) -> Room:
        with self.lock:
            self.rooms += 1
        path = self.path / str(self.rooms)
        path.mkdir()
        return Room(path)


house = House()
stopping = threading.Event()


def failure(text: str) -> None:
    print(f"[!!] {text}", flush=True)
    Count.add(0, 1, text)


def end_group(child: subprocess.Popen) -> bool:
    """Whether something was left in the child's process group, that was not just ending."""
    until = time.monotonic() + 2
    try:
        while time.monotonic() < until:
            os.killpg(child.pid, 0)
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def last_line(log: Path) -> str:
    """The test that pytest is at."""
    lines = log.read_text(errors="replace").split("\n")
    return lines[-1].partition("::")[2].strip()[:80]


def hang_up(child: subprocess.Popen) -> None:
    os.killpg(child.pid, signal.SIGINT)
    try:
        child.wait(timeout=GOODBYE_S)
    except subprocess.TimeoutExpired:
        end_group(child)
        child.wait()


def follow(name: str, child: subprocess.Popen, begin: float, log: Path) -> int:
    told = begin
    while child.poll() is None:
        time.sleep(0.05)
        now = time.monotonic()
        if stopping.is_set():
            hang_up(child)
        elif now - begin > PATIENCE_S:
            failure(f"{name} hangs")
            hang_up(child)
        elif now - told > TICK_S:
            told = now
            print(f"     {name}: {now - begin:.0f} s {last_line(log)}".rstrip(), flush=True)
    return child.returncode


def run(name: str, argv: list, env: dict | None = None, room: Room | None = None) -> tuple:
    """Exit code and output of one program; a progress line when it ends."""
    log = LOG / (re.sub(r"[^a-zA-Z0-9_.-]+", "-", name) + ".log")
    if stopping.is_set():
        raise KeyboardInterrupt
    mine = room or house.room()
    begin = time.monotonic()
    with open(log, "wb") as out:
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=SOURCE,
                                 env={**os.environ, "TMPDIR": str(mine.path), **(env or {})}, start_new_session=True)
        code = follow(name, child, begin, log)
    if end_group(child):
        failure(f"{name} left processes behind")
    for line in mine.sweep():
        failure(f"{name} left running: {line[:200]}")
    if stopping.is_set():
        raise KeyboardInterrupt
    if not room:
        mine.remove()
    text = log.read_text(errors="replace")
    print(f"[{'ok' if code == 0 else '!!'}] {name} ({time.monotonic() - begin:.1f} s)", flush=True)
    if code:
        show(text.partition("= FAILURES =")[2].splitlines()[:SHOWN] or text.splitlines()[-60:])
    return code, text


def show(lines: list) -> None:
    print("\n".join("     | " + line for line in lines), flush=True)


def cmocka(program: Path, env: dict | None = None) -> None:
    if not program.exists():
        failure(f"{program.relative_to(BUILD)} is not built")
        return
    code, text = run(str(program.relative_to(BUILD)), [program], env)
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", text))
    failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", text))
    names = re.findall(r"\[  FAILED  \] (\w*[a-z_]\w*)", text)
    Count.add(passed, failed if failed or code == 0 else 1,
              *([f"{program.relative_to(BUILD)} {' '.join(dict.fromkeys(names)) or f'exit {code}'}"] if code else []))
    if code == 0 and passed == 0 and "[  SKIPPED ]" not in text:
        failure(f"{program.name} ran no test")


def side_by_side(work: list) -> None:
    """Calls them all, one more at a time than there are processors: some wait most of the time."""
    with ThreadPoolExecutor(os.cpu_count() + 1) as pool:
        futures = [pool.submit(w) for w in work]
        try:
            for f in futures:
                f.result()
        except BaseException:
            stopping.set()
            pool.shutdown(cancel_futures=True)
            raise


def programs(*patterns: str) -> list:
    """The built test programs that belong to sources that exist."""
    found = []
    for pattern in patterns:
        for source in sorted(SOURCE.glob(pattern)):
            found.append(BUILD / source.relative_to(SOURCE).with_suffix(""))
    return found


# ---- suites of programs: each gives what may run side by side

def lint() -> list:
    def check(script: Path) -> None:
        code, _ = run(f"lint/{script.name}", ["sh", script])
        Count.add(code == 0, code != 0, *([script.name] if code else []))
    return [partial(check, s) for s in sorted((SOURCE / "tests" / "lint").glob("*.sh"), reverse=True)]


def unit() -> list:
    return [partial(cmocka, p) for p in programs("tests/unit/*/test_*.c")]


def db() -> list:
    """One throw-away cluster, an empty database for each program, one after another."""
    return [on_a_cluster]


def on_a_cluster() -> None:
    room = house.room()
    directory = room.path / "cluster"
    cluster = ["sh", SOURCE / "tests" / "db" / "cluster.sh", directory]
    # To a file: the server keeps what it inherits open.
    with open(LOG / "cluster.log", "w+") as log:
        code = subprocess.run([*cluster, "start"], stdout=log, stderr=log, check=False).returncode
        log.seek(0)
        words = log.read().strip()
    if code:
        failure(f"db: no cluster: {words}")
        return
    conninfo = words.splitlines()[-1]
    try:
        for n, program in enumerate(programs("tests/db/*/test_*.c")):
            name = f"t{n}"
            subprocess.run(["psql", "-X", "-q", conninfo, "-c", f"create database {name}"], check=True)
            cmocka(program, {"TEST_DB": f"{conninfo} dbname={name}",
                             "TEST_CLUSTER": str(directory), "TEST_SQL": str(SOURCE / "sql")})
    finally:
        subprocess.run([*cluster, "stop"], check=False)
        if room.sweep():
            failure("db: the cluster did not stop")
        room.remove()


def virt(which: str = "test_*.c", **env: str) -> list:
    """As root these drop to nobody: the guest image is given where everybody can read it."""
    image = house.path / "tiny.qcow2"
    shutil.copyfile(Path(os.environ["BIC_IMAGES"]) / "tiny.qcow2", image)
    image.chmod(0o644)
    return [partial(cmocka, p, {"TEST_IMAGE": str(image), **env}) for p in programs(f"tests/virt/{which}")]


def fault() -> list:
    """The agent's proof and 100,000 schedules of seats; beside them the crowd, a block at a time, 100 runs in all."""
    seats = BUILD / "tests/unit/bcenter/test_seats"
    schedules = [partial(cmocka, seats, {"BIC_SEED": str(n), "BIC_SCHEDULES": "10000"}) for n in range(2, 12)]
    return [crowds, *virt("test_readoption.c"), *schedules]


def crowds() -> None:
    for n in range(1, 26):
        pytest(f"crowd-{n}", SOURCE / "tests" / "system" / "test_crowd.py", CROWD_RUNS="4", CROWD_DESKTOPS="1000",
               BIC_SEED=str(n))


def beside_libvirt() -> dict:
    """ThreadSanitizer's search for deadlocks gives up at the number of locks that libvirt takes; of locks that libraries
    take and give back it sees one half where they jump instead of calling."""
    return {"TSAN_OPTIONS": os.environ["TSAN_OPTIONS"] + ":detect_deadlocks=0:report_mutex_bugs=0"}


def tsan() -> list:
    return virt(**beside_libvirt()) + db() + unit()


# ---- suites that are one program


def pytest(suite: str, *where: Path, **env: str) -> None:
    room = house.room()
    results = SCRATCH / f"{suite}.xml"
    results.unlink(missing_ok=True)
    options = ["-v", "--tb=short", "--durations=15", "-p", "no:cacheprovider", f"--junitxml={results}"]
    if os.environ.get("FAIL_FAST"):
        options.append("-x")
    code, _ = run(suite, ["/usr/bin/python3", "-B", "-m", "pytest", *options, *where], env, room)
    for log, report in room.sanitizer_reports().items():
        failure(f"{suite}: a sanitizer's report in {log.name}")
        show(report.splitlines())
    keep_logs(suite, room)
    try:
        total = xml.parse(results).getroot().find("testsuite")
    except (OSError, xml.ParseError):
        failure(f"{suite}: no results")
        return
    failed = int(total.get("failures")) + int(total.get("errors"))
    passed = int(total.get("tests")) - failed - int(total.get("skipped"))
    names = [f"{case.get('name')}: {what.get('message')}" for case in total.iter("testcase")
             for what in case if what.tag in ("failure", "error")]
    Count.add(passed, failed if failed or code == 0 else 1, *(names or [f"{suite} exit {code}"] if code else []))


def keep_logs(suite: str, room: Room) -> None:
    """The daemons' logs go beside the others; the installation itself goes away."""
    for log in room.path.glob("bic-*/log"):
        shutil.copytree(log, LOG / f"{suite}-{log.parent.name}", dirs_exist_ok=True)
    room.remove()


def system() -> None:
    """On two blocks at once, each with half of the ports: much of the time is waiting for guests to boot."""
    low, high = port_range()
    ports = [(low, (low + high) // 2 - 1), ((low + high) // 2, high - 1)]
    files = [f for f in sorted((SOURCE / "tests" / "system").glob("test_*.py")) if f.stem not in SLOW]
    halves = [[f for f in files if f.stem in HALF], [f for f in files if f.stem not in HALF]]
    side_by_side([partial(pytest, f"system-{n + 1}", *half, PORTS=f"{ports[n][0]}-{ports[n][1]}")
                  for n, half in enumerate(halves)])


def races() -> None:
    """Those of the system tests in which most happens at once, with ThreadSanitizer in every daemon."""
    pytest("races", *(SOURCE / "tests" / "system" / f"{name}.py" for name in RACED), **beside_libvirt())


def web() -> None:
    pytest("browser", SOURCE / "tests" / "browser")


def scale() -> None:
    """A block at its rated size, simulated."""
    pytest("scale", SOURCE / "tests" / "scale")


def make(name: str, *words: str) -> tuple:
    return run(name, ["make", "--no-print-directory", f"-j{os.cpu_count()}", *words])


def clang() -> None:
    """Everything, with ThreadSanitizer. jansson gives up a reference without acquiring what the others did before, and
    reads the count plainly; no processor that BIC runs on minds, but ThreadSanitizer does: this build has a header
    that acquires and reads atomically."""
    include = BUILD / "include"
    include.mkdir(parents=True, exist_ok=True)
    header = Path("/usr/include/jansson.h").read_text()
    header = header.replace("__ATOMIC_RELEASE", "__ATOMIC_ACQ_REL")
    plain, atomic = "json->refcount != (size_t)-1", "__atomic_load_n(&json->refcount, __ATOMIC_RELAXED) != (size_t)-1"
    (include / "jansson.h").write_text(header.replace(plain, atomic))
    code, _ = make("clang build", "CC=clang", "SAN=thread", f"O={BUILD.relative_to(SOURCE)}",
                   f"CFLAGS=-O1 -g -I{include}", "all", "c-tests")
    Count.add(code == 0, code != 0, *(["clang build"] if code else []))


def fuzz() -> None:
    code, text = make("fuzz", "fuzz")
    passed = len(re.findall(r"^PASS ", text, re.M))
    Count.add(passed, code != 0 or passed == 0, *(["fuzz"] if code else []))


def interrupted(_number: int, _frame) -> None:
    stopping.set()      # what runs is told to end, and then run() raises


TOGETHER = {f.__name__: f for f in (lint, virt, db, unit, fault, tsan)}     # what waits longest begins first
ALONE = {f.__name__: f for f in (system, web, scale, clang, races, fuzz)}


def phases(words: list) -> list:
    """The suites that were asked for, in this order; neighbours that go together are one phase."""
    unknown = set(words) - TOGETHER.keys() - ALONE.keys()
    if unknown:
        sys.exit(f"tests/run.py: no such suite: {' '.join(sorted(unknown))}")
    found = []
    for together, names in groupby(words, TOGETHER.__contains__):
        found += [sorted(names, key=list(TOGETHER).index)] if together else [[name] for name in names]
    return found


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupted)
    shutil.rmtree(LOG, ignore_errors=True)
    LOG.mkdir(parents=True)
    words = sys.argv[1:] or ["lint", "unit", "db", "virt", "system", "web"]
    try:
        for names in phases(words):
            begin = time.monotonic()
            print(f"== {' '.join(names)}", flush=True)
            if names[0] in ALONE:
                ALONE[names[0]]()
            else:
                side_by_side([work for name in names for work in TOGETHER[name]()])
            print(f"== {' '.join(names)} took {time.monotonic() - begin:.0f} s", flush=True)
    except KeyboardInterrupt:
        failure("interrupted")
    finally:
        house.sweep()
        house.remove()
    for name in Count.names:
        print(f"[!!] {' '.join(name.split())[:NAMED]}")
    print(f"\n{Count.passed} passed, {Count.failed} failed", flush=True)
    sys.exit(1 if Count.failed or not Count.passed else 0)


main()
