"""Runs the test suites and counts: tests/run.py SUITE… (lint unit db virt system web). `make test` calls it.

Every program gets its own log under the state directory's test-log/, shown when it fails. The last line is
"N passed, N failed". Nothing that a suite starts is left running: each runs in its own process group, which
is checked (and, if need be, ended) afterwards.
"""

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ["BIC_BUILD"])
SCRATCH = Path(os.environ["BIC_TEST_STATE"])
LOG = SCRATCH / "test-log"
PATIENCE_S = 1500   # for one program; a hang is a failure, not a mystery


class Count:
    passed = failed = 0


def run(name: str, argv: list, env: dict | None = None, cwd: Path = SOURCE) -> tuple:
    """Exit code and output of one program; a progress line when it ends."""
    log = LOG / (re.sub(r"[^a-zA-Z0-9_.-]+", "-", name) + ".log")
    begin = time.monotonic()
    with open(log, "wb") as out:
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                 env={**os.environ, **(env or {})}, start_new_session=True)
        while True:
            try:
                code = child.wait(timeout=8)
                break
            except subprocess.TimeoutExpired:
                print(f"     {name}: {time.monotonic() - begin:.0f} s", flush=True)
                if time.monotonic() - begin > PATIENCE_S:
                    os.killpg(child.pid, signal.SIGKILL)
                    code = child.wait()
    try:
        os.killpg(child.pid, signal.SIGKILL)
        print(f"[!!] {name} left processes behind", flush=True)
        Count.failed += 1
    except ProcessLookupError:
        pass
    text = log.read_text(errors="replace")
    print(f"[{'ok' if code == 0 else '!!'}] {name} ({time.monotonic() - begin:.1f} s)", flush=True)
    if code:
        print("\n".join("     | " + line for line in text.splitlines()[-60:]), flush=True)
    return code, text


def cmocka(programs: list, env: dict | None = None) -> None:
    for program in programs:
        code, text = run(str(program.relative_to(BUILD)), [program], env)
        passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", text))
        failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", text))
        Count.passed += passed
        Count.failed += failed if failed or code == 0 else 1
        if code == 0 and passed == 0:
            print(f"[!!] {program.name} ran no test", flush=True)
            Count.failed += 1


def programs(*patterns: str) -> list:
    """The built test programs that belong to sources that exist."""
    found = []
    for pattern in patterns:
        for source in sorted(SOURCE.glob(pattern)):
            found.append(BUILD / source.relative_to(SOURCE).with_suffix(""))
    return found


def lint() -> None:
    for script in sorted((SOURCE / "tests" / "lint").glob("*.sh")):
        code, _ = run(f"lint/{script.name}", ["sh", script])
        Count.passed += code == 0
        Count.failed += code != 0


def unit() -> None:
    cmocka(programs("tests/unit/*/test_*.c"))


def db() -> None:
    """One throw-away cluster, an empty database for each program."""
    directory = SCRATCH / "cluster"
    cluster = ["sh", SOURCE / "tests" / "db" / "cluster.sh", directory]
    done = subprocess.run([*cluster, "start"], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"[!!] db: no cluster: {done.stderr}", flush=True)
        Count.failed += 1
        return
    conninfo = done.stdout.strip().splitlines()[-1]
    try:
        for n, program in enumerate(programs("tests/db/*/test_*.c")):
            name = f"t{n}"
            subprocess.run(["psql", "-X", "-q", conninfo, "-c", f"create database {name}"], check=True)
            cmocka([program], {"TEST_DB": f"{conninfo} dbname={name}",
                               "TEST_CLUSTER": str(directory), "TEST_SQL": str(SOURCE / "sql")})
    finally:
        subprocess.run([*cluster, "stop"], check=False)


def virt() -> None:
    cmocka(programs("tests/virt/test_*.c"))


def pytest(suite: str) -> None:
    results = SCRATCH / f"{suite}.xml"
    code, _ = run(suite, ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-x" if os.environ.get("FAIL_FAST") else "-q",
                          "-p", "no:cacheprovider", f"--junitxml={results}", SOURCE / "tests" / suite])
    try:
        total = xml.parse(results).getroot().find("testsuite")
    except (OSError, xml.ParseError):
        Count.failed += 1
        return
    failed = int(total.get("failures")) + int(total.get("errors"))
    Count.passed += int(total.get("tests")) - failed - int(total.get("skipped"))
    Count.failed += failed if failed or code == 0 else 1


def system() -> None:
    pytest("system")


def web() -> None:
    pytest("browser")


def main() -> None:
    LOG.mkdir(parents=True, exist_ok=True)
    suites = {"lint": lint, "unit": unit, "db": db, "virt": virt, "system": system, "web": web}
    for name in sys.argv[1:] or suites:
        print(f"== {name}", flush=True)
        suites[name]()
    print(f"\n{Count.passed} passed, {Count.failed} failed", flush=True)
    sys.exit(1 if Count.failed or not Count.passed else 0)


main()
