"""Row 1c: a person without a session gets a ready spare: placed, committed durably, written to the audit, a ticket signed."""

import http.client
import json
import threading
import time
from urllib.parse import urlsplit

import host
import load
from stand import Stand, wait_until

TAKEN = 100     # in each of: at the bCenter and through all tiers, by 1 and by 8 connections


def person_line(url: str, token: str) -> tuple:
    at = urlsplit(url)
    return http.client.HTTPConnection(at.hostname, at.port, timeout=30), {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def take(line: tuple, pool: str) -> float:
    """Milliseconds until the ticket."""
    begin = time.perf_counter()
    line[0].request("POST", "/api/v1/connections", body=json.dumps({"pool_id": pool}), headers=line[1])
    answer = line[0].getresponse()
    said = answer.read()
    if answer.status != 201:
        raise RuntimeError(f"a ready spare was not given: {answer.status} {said[:300]!r}")
    return (time.perf_counter() - begin) * 1000


def crowd(lines: list, pool: str, hands: int) -> tuple:
    """(milliseconds of each, seconds in all)"""
    spent, errors = [], []

    def work(mine: list) -> None:
        try:
            spent.extend([take(line, pool) for line in mine])
        except (OSError, RuntimeError) as bad:
            errors.append(bad)
    threads = [threading.Thread(target=work, args=(lines[n::hands],)) for n in range(hands)]
    begin = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return spent, time.perf_counter() - begin


def ready(stand: Stand, pool: dict, n: int):
    return wait_until(f"{n} ready spares", lambda: stand.admin.call("GET", f"/pools/{pool['id']}")["counts"]["ready"] >= n,
                      900, every=1)


def run(stand: Stand) -> list:
    rows, total = [], 4 * TAKEN
    pool = stand.pool("spares", total, networked=True, kind="floating", spares=total)
    people = [stand.person(f"s{n}") for n in range(total)]
    ready(stand, pool, total)
    taken = 0
    for hands in (1, 8):
        for where, url in (("at the bCenter", stand.login), ("through all tiers", stand.portal)):
            mine = people[taken:taken + TAKEN]
            tokens = [stand.at_module(f"s{taken + i}").token if url == stand.login else rest.token
                      for i, rest in enumerate(mine)]
            lines = [person_line(url, token) for token in tokens]
            for line in lines:
                line[0].connect()
            meter = host.Meter(stand.tiers())
            spent, seconds = crowd(lines, pool["id"], hands)
            each = {name: us / TAKEN for name, us in meter.read().items()}
            rows.append({"row": "1c", "what": f"a ready spare {where}, p50 ms", "connections": hands,
                         "ours": load.percentile(spent, 0.5), "p99_ms": load.percentile(spent, 0.99)})
            rows.append({"row": "1c", "what": f"a ready spare {where}, taken a second", "connections": hands,
                         "ours": TAKEN / seconds})
            rows.append({"row": "7", "what": f"CPU us a spare taken {where}", "connections": hands,
                         "ours": sum(each.values()), "each": each})
            taken += TAKEN
    return rows
