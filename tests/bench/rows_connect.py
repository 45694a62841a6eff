"""Rows 1, 2 and 7: connecting to a running desktop, at the bCenter and through all tiers."""

import host
import load
import statements
from peers import X2gobroker
from stand import PEOPLE, RATED, Stand, topology

CLIENTS = (1, 8)


def run(stand: Stand, people: tuple) -> list:
    module, ccc = stand.run.clusters["module-1"], stand.run.clusters["ccc"]
    copies = stand.copy_database("module-1"), stand.copy_database("ccc")
    resume, route = statements.resume(stand.state), statements.route(stand.state)
    rows = []
    broker = X2gobroker(stand.state / "x2gobroker", PEOPLE)
    try:
        for n in CLIENTS:
            rounds = load.in_turns(
                lambda: load.wrk(stand.login, "connect.lua", people[0], connections=n),
                lambda: load.pgbench(module, copies[0], resume, n),
                lambda: load.wrk(stand.portal, "connect.lua", people[1], connections=n),
                lambda: load.pgbench(ccc, copies[1], route, n),
                lambda: metered(broker, n))
            rows += connect_rows(n, rounds)
    finally:
        broker.stop()
    return rows + new_sessions(stand, people[0], copies[0]) + tiers(stand, people)


def metered(broker: X2gobroker, n: int, people: int = PEOPLE) -> dict:
    meter = host.Meter({"x2gobroker": broker.pids()})
    said = load.wrk(broker.url, "select.lua", people, connections=n)
    return {**said, "cpu_us": meter.read()["x2gobroker"] / said["requests"]}


def rated(state) -> list:
    """A module at its rated size beside x2gobroker with as many session profiles: neither is spared what size costs."""
    stand, rows = Stand(state, RATED, topology.rated()), []
    try:
        stand.up()
        people = stand.seat_people()
        broker = X2gobroker(stand.state / "x2gobroker", RATED)
        try:
            for n, target in zip(CLIENTS, (15, 25)):
                rounds = load.in_turns(lambda: load.wrk(stand.portal, "connect.lua", people[1], connections=n),
                                       lambda: metered(broker, n, RATED))
                rows.append({"row": "2", "what": f"connect through all tiers / x2gobroker, {RATED} desktops", "connections": n,
                             "ours": load.middle(rounds, 0), "beside": load.middle(rounds, 1),
                             "ratio": load.ratio(rounds, 0, 1), "target": target, "rounds": rounds,
                             "errors": sum(r[0]["errors"] for r in rounds)})
        finally:
            broker.stop()
    finally:
        stand.down()
    return rows


def both(ours: int):
    """pgbench with everything that a connect through all tiers asks of both databases: one after the other."""
    return lambda r: r[ours]["rate"] * (1 / r[1]["rate"] + 1 / r[3]["rate"])


def connect_rows(n: int, rounds: list) -> list:
    def row(what, which, target, value, beside):
        return {"row": "1" if "x2go" not in what else "2", "what": what, "connections": n,
                "ours": load.middle(rounds, which), "beside": beside, "ratio": value, "target": target,
                "errors": sum(r[which]["errors"] for r in rounds), "rounds": rounds,
                "p99_ms": load.middle(rounds, which, lambda r: r.get("p99_us", 0)) / 1000}
    together = sorted(both(2)(r) for r in rounds)[len(rounds) // 2]
    sql = load.middle(rounds, 1)
    return [
        row("connect at the bCenter / pgbench", 0, 0.5, load.ratio(rounds, 0, 1), sql),
        row("connect through all tiers / pgbench, module's statement", 2, 0.15, load.ratio(rounds, 2, 1), sql),
        row("connect through all tiers / pgbench, all statements", 2, None, together, load.middle(rounds, 2) / together),
        row("connect through all tiers / x2gobroker, 48 desktops", 2, None, load.ratio(rounds, 2, 4), load.middle(rounds, 4)),
        {"row": "7", "what": "CPU us a selectsession of x2gobroker", "connections": n,
         "ours": None, "beside": load.middle(rounds, 4, lambda r: r["cpu_us"])},
        row("connect at the bCenter / x2gobroker", 0, None, load.ratio(rounds, 0, 4), load.middle(rounds, 4))]


def new_sessions(stand: Stand, people, copy: str) -> list:
    """A session opened and ended: two requests, two transactions on each side."""
    rows = []
    script = statements.renew(stand.state)
    for n in CLIENTS:
        rounds = load.in_turns(
            lambda: load.wrk(stand.login, "renew.lua", people, n, connections=n, threads=n),
            lambda: load.pgbench(stand.run.clusters["module-1"], copy, script, n))
        value = load.ratio(rounds, 0, 1) / 2
        rows.append({"row": "1b", "what": "new session and its end at the bCenter / pgbench", "connections": n,
                     "ours": load.middle(rounds, 0) / 2, "beside": load.middle(rounds, 1), "ratio": value, "target": None,
                     "errors": sum(r[0]["errors"] for r in rounds), "rounds": rounds})
    return rows


def tiers(stand: Stand, people: tuple) -> list:
    """CPU of each tier per connect, 8 connections; what the idle block uses is in it and small."""
    rows = []
    for what, url, file in (("at the bCenter", stand.login, people[0]), ("through all tiers", stand.portal, people[1])):
        samples = []
        for _ in range(load.ROUNDS):
            meter = host.Meter(stand.tiers())
            said = load.wrk(url, "connect.lua", file, connections=8)
            samples.append({name: us / said["requests"] for name, us in meter.read().items()})
        each = {name: load.percentile([s[name] for s in samples], 0.5) for name in samples[0]}
        rows.append({"row": "7", "what": f"CPU us a connect {what}", "connections": 8, "ours": sum(each.values()),
                     "each": each, "rounds": samples})
    return rows
