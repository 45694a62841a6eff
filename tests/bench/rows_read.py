"""Row 5: an authenticated GET of one desktop beside nginx serving the same bytes."""

import urllib.request

import host
import load
import statements
from peers import Nginx
from stand import Stand


def fetch(url: str, token: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def run(stand: Stand, people: tuple) -> list:
    token, desktop = people[1].read_text().split()[:2]
    path = f"/api/v1/desktops/{desktop}"
    body = fetch(stand.portal + path, token)
    peer = Nginx(stand.state / "nginx", body)
    copy, script = stand.copy_database("ccc"), statements.one_desktop(stand.state)
    groups = {name: pids for name, pids in stand.tiers().items() if name in ("ccc", "postgres ccc")}
    rows = []

    def ours(n: int) -> dict:
        meter = host.Meter(groups)
        said = load.wrk(stand.portal, "get.lua", path, token, connections=n)
        return {**said, "cpu": {name: us / said["requests"] for name, us in meter.read().items()}}

    def theirs(n: int) -> dict:
        meter = host.Meter({"nginx": peer.pids()})
        said = load.wrk(peer.url, "get.lua", "/desktop.json", connections=n)
        return {**said, "cpu": {name: us / said["requests"] for name, us in meter.read().items()}}
    try:
        for n in (1, 8):
            rounds = load.in_turns(lambda: ours(n), lambda: theirs(n),
                                   lambda: load.pgbench(stand.run.clusters["ccc"], copy, script, n))
            cpu = {name: load.middle(rounds, 0, lambda r, name=name: r["cpu"][name]) for name in groups}
            cpu["nginx"] = load.middle(rounds, 1, lambda r: r["cpu"]["nginx"])
            for what, which in (("nginx", 1), ("pgbench, the same statements", 2)):
                rows.append({"row": "5", "what": f"GET one desktop ({len(body)} bytes) / {what}", "connections": n,
                             "ours": load.middle(rounds, 0), "beside": load.middle(rounds, which),
                             "ratio": load.ratio(rounds, 0, which), "errors": sum(r[0]["errors"] for r in rounds),
                             "p99_ms": load.middle(rounds, 0, lambda r: r["p99_us"]) / 1000,
                             "each": cpu, "rounds": rounds})
    finally:
        peer.stop()
    return rows
