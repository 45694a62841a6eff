"""A log-in storm against a block at its rated size: `make bench-storm`. PEOPLE=2000 real log-ins and connects over HTTP
in MINUTES=10, 40 % of them in one sixth of the time. What is asserted: nobody fails, 95 of 100 wait less than 30 s, and no
bServer's total of I/O reaches its limit in any second that a sampler outside of BIC looked (docs/iolaw.md)."""

import http.client
import json
import os
import random
import shutil
import ssl
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent))

import load  # noqa: E402
from stand import Stand, topology  # noqa: E402

from progress import say, step  # noqa: E402
from rest import Problem, Rest, wait_until  # noqa: E402

PEOPLE = int(os.environ.get("PEOPLE", "2000"))
MINUTES = float(os.environ.get("MINUTES", "10"))
SEED = int(os.environ.get("SEED", "2"))
SPARES = 100            # running, in each module
RUSH = 0.4, 1 / 6       # so many of the people, in such a part of the time
PATIENCE_S = 180
WAIT_P95_S = 30


def arrivals(people: int, seconds: float, seed: int) -> list:
    """Seconds at which they come: the rush in the middle, everybody else evenly around it."""
    luck = random.Random(seed)
    begin, length = seconds * (1 - RUSH[1]) / 2, seconds * RUSH[1]
    rush = round(people * RUSH[0])
    times = [begin + luck.random() * length for _ in range(rush)]
    for _ in range(people - rush):
        at = luck.random() * (seconds - length)
        times.append(at if at < begin else at + length)
    return sorted(times)


@dataclass
class Visit:
    came: float
    signed_in: float = 0
    seated: float = 0
    desktop: str = ""
    refusals: dict = field(default_factory=dict)
    failed: str = ""


def ask(rest: Rest, pool: str, visit: Visit) -> str:
    """Her desktop's id, or "" if it is not there yet. An operation is waited for at the server."""
    answer = rest.call("POST", "/connections", {"pool_id": pool})
    while "display" not in answer:
        answer = rest.call("GET", f"/operations/{answer['id']}?wait=20")
        if answer["state"] == "failed":
            slug = answer["error"]["type"].rpartition("/")[2]
            visit.refusals[slug] = visit.refusals.get(slug, 0) + 1
            return ""
        if answer.get("result"):
            answer = answer["result"]
        elif answer["state"] == "succeeded":
            return ""
    return answer["desktop_id"]


def visit(portal: str, name: str, pool: str) -> Visit:
    """Signs in and works until she has her desktop, as a patient person does."""
    one = Visit(time.monotonic())
    rest = Rest(f"{portal}/api/v1")
    while time.monotonic() - one.came < PATIENCE_S:
        try:
            if not rest.token:
                rest.login(name, f"pw-{name}-2026")
                one.signed_in = time.monotonic()
            if desktop := ask(rest, pool, one):
                one.seated, one.desktop = time.monotonic(), desktop
                return one
        except Problem as no:
            one.refusals[no.slug] = one.refusals.get(no.slug, 0) + 1
            if not no.body.get("retryable"):
                one.failed = str(no)
                return one
        time.sleep(1)
    one.failed = "out of patience"
    return one


class Sampler(threading.Thread):
    """Reads every bServer's total and limit each second, with a certificate of the installation, from the management
    listeners of the bCenters."""

    def __init__(self, stand: Stand):
        super().__init__(daemon=True)
        self.centers = list(stand.run.bcenters.values())
        self.ended = threading.Event()
        self.seconds, self.over, self.most, self.waiting, self.limits = 0, [], 0.0, 0, {}

    def look(self, center) -> list:
        url = urlsplit(center.config["management_url"])
        pki = center.state / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.check_hostname = False      # who it is stands in its certificate
        context.load_cert_chain(pki / "node.crt", pki / "node.key")
        c = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=20)
        c.request("GET", "/summary")
        return json.loads(c.getresponse().read())["io"]

    def run(self) -> None:
        due = time.monotonic()
        while not self.ended.is_set():
            hosts = [h for center in self.centers for h in self.look(center)]
            self.seconds += 1
            for h in hosts:
                self.most = max(self.most, h["total_uio"] / h["limit_uio"])
                self.limits.setdefault(h["name"], []).append(h["limit_uio"] / 1e6)
                if h["total_uio"] >= h["limit_uio"] or (h["measured_uio"] or 0) >= h["limit_uio"]:
                    self.over.append(h)
            self.waiting = max(self.waiting, sum(h["waiting"] for h in hosts))
            due += 1
            self.ended.wait(max(0.0, due - time.monotonic()))


def crowd(stand: Stand, pool: str) -> list:
    begin = time.monotonic()

    def come(n: int, at: float) -> Visit:
        time.sleep(max(0.0, begin + at - time.monotonic()))
        return visit(stand.portal, f"p{n}", pool)
    times = arrivals(PEOPLE, MINUTES * 60, SEED)
    with ThreadPoolExecutor(len(times)) as people:
        return list(people.map(come, range(len(times)), times))


def people(stand: Stand) -> None:
    def one(n: int) -> None:
        user = stand.admin.call("POST", "/users", {"username": f"p{n}", "display_name": f"p{n}", "role": "user",
                                                   "locale": "en", "password": f"pw-p{n}-2026"})
        stand.admin.call("PUT", f"/groups/{stand.group['id']}/members/{user['id']}")
    with step(f"{PEOPLE:,} people"), ThreadPoolExecutor(4) as hands:
        list(hands.map(one, range(PEOPLE)))


def ready(stand: Stand, pool: dict) -> bool:
    return stand.admin.call("GET", f"/pools/{pool['id']}")["counts"]["ready"] >= 2 * SPARES


def told(visits: list, sampler: Sampler) -> list:
    """What is wrong; empty if nothing is."""
    waits = [v.seated - v.came for v in visits if v.seated]
    refused: dict = {}
    for v in visits:
        for slug, n in v.refusals.items():
            refused[slug] = refused.get(slug, 0) + n
    say(f"people {len(visits):,}, seated {len(waits):,}, on {len({v.desktop for v in visits if v.desktop}):,} desktops")
    say(f"wait from arrival to ticket: p50 {load.percentile(waits, 0.5):.2f} s, p95 {load.percentile(waits, 0.95):.2f} s, "
        f"p99 {load.percentile(waits, 0.99):.2f} s, longest {max(waits):.2f} s")
    say(f"of it the log-in: p50 {load.percentile([v.signed_in - v.came for v in visits if v.signed_in], 0.5):.2f} s")
    say(f"refused and tried again: {refused or 'none'}")
    say(f"sampler: {sampler.seconds} s, highest total of a bServer {100 * sampler.most:.0f} % of its limit, "
        f"at most {sampler.waiting} people waiting by the law; limits at the end "
        f"{min(l[-1] for l in sampler.limits.values()):,.0f} to {max(l[-1] for l in sampler.limits.values()):,.0f} requests/s")
    wrong = [f"{v.failed}" for v in visits if not v.seated]
    wrong += [f"{h['name']} at {h['total_uio']} of {h['limit_uio']} uio" for h in sampler.over]
    if load.percentile(waits, 0.95) >= WAIT_P95_S:
        wrong.append(f"95 of 100 wait up to {load.percentile(waits, 0.95):.1f} s")
    if len({v.desktop for v in visits if v.desktop}) != len(waits):
        wrong.append("two people on one desktop")
    return wrong


def main() -> int:
    os.umask(0o022)
    base = Path(os.environ.get("BENCH_STATE") or tempfile.mkdtemp(prefix="bic-s"))
    base.mkdir(mode=0o755, exist_ok=True)
    os.chmod(base, 0o755)
    stand = Stand(base / "s", block=topology.scale())
    try:
        stand.up()
        size = {m["id"]: (PEOPLE + 1) // 2 for m in stand.admin.every("/modules")}
        pool = stand.shared_pool("storm", size, SPARES)
        people(stand)
        with step(f"{2 * SPARES} spares"):
            wait_until("the spares", lambda: ready(stand, pool), 600, every=1)
        sampler = Sampler(stand)
        sampler.start()
        visits = crowd(stand, pool["id"])
        sampler.ended.set()
        sampler.join()
        wrong = told(visits, sampler)
    finally:
        stand.down()
    if "BENCH_STATE" not in os.environ:
        shutil.rmtree(base, ignore_errors=True)
    for line in wrong[:20]:
        say(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
