"""Load generators and the rule of all comparisons: in turns, and the median of each round's ratio."""

import json
import os
import re
import statistics
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "4"))


def wrk(url: str, script: str, *arguments: str, connections: int = 1, threads: int = 1) -> dict:
    """Answers a second and what went wrong; the Lua script writes one line of JSON at the end."""
    done = subprocess.run(["wrk", f"-t{threads}", f"-c{connections}", f"-d{max(1, round(SECONDS))}s", "--timeout", "10s",
                           "-s", HERE / script, url, "--", *map(str, arguments)],
                          capture_output=True, text=True, check=False)
    line = next((part for part in reversed(done.stdout.splitlines()) if part.startswith("{")), "")
    if not line:
        raise RuntimeError(f"wrk {url}: {done.stdout[-300:]}{done.stderr[-300:]}")
    said = json.loads(line)
    said["rate"] = (said["requests"] - said["errors"]) / (said["duration_us"] / 1e6)
    return said


def pgbench(cluster, database: str, script: Path, clients: int) -> dict:
    """Transactions a second of one script as the daemon's own role, prepared and durable."""
    role = cluster.database
    environment = {**os.environ, "PGPASSWORD": cluster.layout.secret(f"{cluster.name}-{role}")}
    done = subprocess.run(["/usr/lib/postgresql/15/bin/pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1",
                           "-T", str(max(1, round(SECONDS))), "-D", "first=1", "-f", script, "-h", "127.0.0.1",
                           "-p", str(cluster.port), "-U", role, database],
                          env=environment, capture_output=True, text=True, check=False)
    rate = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    if done.returncode or not rate:
        raise RuntimeError(f"pgbench {script.name}: {done.stderr[-500:]}")
    return {"rate": float(rate[1]), "errors": int(failed[1]) if failed else 0}


def in_turns(*runs) -> list:
    """Each round runs every one once: what else the machine does hits all of them."""
    return [[run() for run in runs] for _ in range(ROUNDS)]


def ratio(rounds: list, ours: int, theirs: int, of=lambda run: run["rate"]) -> float:
    return statistics.median(of(r[ours]) / of(r[theirs]) for r in rounds if of(r[theirs]))


def middle(rounds: list, which: int, of=lambda run: run["rate"]) -> float:
    return statistics.median(of(r[which]) for r in rounds)


def percentile(values: list, share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
