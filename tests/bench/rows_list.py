"""Row 6: one page of 50 of 100,000 desktops at the CCC, filtered and sorted, 200 requests a second, while heartbeats arrive.

The desktops are rows of the mirror, as modules would have told them. A module's heartbeat, every 3 s, says that nothing
changed, of all its desktops at once; besides, desktops change in pages, as a day's work does."""

import hashlib
import http.client
import os
import random
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import load

MODULES, PER_MODULE, PAGE = 100, 1000, 25
RATE = 200              # requests a second
HEARD = MODULES // 3    # heartbeats of modules a second: 33,000 desktops
CHANGES = 4             # pages a second: 100 desktops
CLIENTS = 4
TARGET_MS = {"pool": 2, "pool and state": 2, "bServer": 2, "state": 2, "next page": 2, "part of a name": 5}

WORLD = f"""
insert into block (id, name) select md5('b' || i)::uuid, 'list-block-' || i from generate_series(1, {MODULES // 2}) i;
insert into module (id, name, block_id, place)
    select md5('m' || i)::uuid, 'list-module-' || i, md5('b' || (i + 1) / 2)::uuid, i % 2 from generate_series(1, {MODULES}) i;
insert into mirror_cursor (module_id, heard_at, as_of) select id, now() + interval '1 minute', now() from module
    on conflict (module_id) do nothing;
insert into person (id, username, verifier)
    select md5('p' || i)::uuid, 'list' || lpad(i::text, 6, '0'), '$argon2id$x' from generate_series(1, {MODULES * PER_MODULE // 2}) i;
insert into mirror_bserver (id, module_id, round, name, state, slots, slots_used, body)
    select md5('h' || i)::uuid, md5('m' || (i + 9) / 10)::uuid, 1, 'list-host-' || i, 'up', 100, 100, '{{}}'
      from generate_series(1, {MODULES * 10}) i;
insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, person_id, bserver_id, created_at, body)
    select md5('d' || i)::uuid, md5('m' || i / {PER_MODULE} + 1)::uuid, 1,
           'pool-' || lpad((i / 500)::text, 3, '0') || '-' || lpad((i % 500)::text, 4, '0'),
           (array['ready', 'running', 'off', 'in_use', 'off'])[i % 5 + 1], case when i % 5 in (0, 1, 3) then 'running' else 'off' end,
           md5('o' || i / 500)::uuid, case when i % 2 = 0 then md5('p' || i / 2 + 1)::uuid end,
           md5('h' || i / 100 + 1)::uuid, now() - make_interval(secs => i),
           jsonb_build_object('power_wanted', 'on', 'as_of', '2026-11-28T00:00:00.000Z', 'run_id', md5('r' || i)::uuid, 'ready', true,
               'slot', i % 100, 'lane', i % 2, 'mac', '52:54:00:00:00:01', 'placement_id', md5('w' || i)::uuid, 'generation', 5)
      from generate_series(0, {MODULES * PER_MODULE - 1}) i;
vacuum analyze;
"""

HEAR = f"""\\set m random(1, {MODULES})
update mirror_cursor set heard_at = greatest(heard_at, now() + interval '1 minute'), as_of = now() where module_id = md5('m' || :m)::uuid;
"""
CHANGE = f"""\\set m random(0, {MODULES - 1})
\\set k random(0, {PER_MODULE // PAGE - 1})
update mirror_desktop set round = round + 1, body = jsonb_set(body, '{{as_of}}', to_jsonb(now())),
       state = case state when 'off' then 'starting' when 'starting' then 'off' else state end
 where id = any (array(select md5('d' || (:m * {PER_MODULE} + :k * {PAGE} + i))::uuid from generate_series(0, {PAGE - 1}) i));
"""


def uuid_of(word: str) -> str:
    h = hashlib.md5(word.encode()).hexdigest()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def question(draw: random.Random) -> tuple:
    pool = draw.randrange(MODULES * PER_MODULE // 500)
    return draw.choice([
        ("pool", f"pool_id={uuid_of(f'o{pool}')}&sort=name"),
        ("pool and state", f"pool_id={uuid_of(f'o{pool}')}&state=off&sort=-name"),
        ("bServer", f"bserver_id={uuid_of(f'h{draw.randrange(1, MODULES * 10)}')}&sort=-created_at"),
        ("state", f"state={draw.choice(['off', 'ready', 'in_use'])}&sort=name"),
        ("part of a name", f"q={quote(f'{pool:03}-0{draw.randrange(50):02}')}"),
    ])


class Client(threading.Thread):
    """Asks at its own pace, whatever the answers take: lateness counts as waiting."""

    def __init__(self, portal: str, token: str, until: float, seed: int):
        super().__init__()
        self.address = urlsplit(portal)
        self.head = {"Authorization": f"Bearer {token}"}
        self.until, self.draw = until, random.Random(seed)
        self.took, self.errors = {name: [] for name in TARGET_MS}, 0

    def ask(self, c, what: str, query: str) -> str | None:
        c.request("GET", f"/api/v1/desktops?limit=50&{query}", headers=self.head)
        answer = c.getresponse()
        body = answer.read()
        self.errors += answer.status != 200 or b'"items":[' not in body
        at = body.rfind(b'"next":"')
        return body[at + 8:body.index(b'"', at + 8)].decode() if at >= 0 else None

    def run(self) -> None:
        c = http.client.HTTPConnection(self.address.hostname, self.address.port)
        due, follow = time.perf_counter(), None
        while due < self.until:
            time.sleep(max(0, due - time.perf_counter()))
            what, query = ("next page", follow) if follow else question(self.draw)
            cursor = self.ask(c, what, query)
            self.took[what].append((time.perf_counter() - due) * 1000)
            follow = f"{query}&cursor={quote(cursor)}" if cursor and what == "state" else None
            due += CLIENTS / RATE


def beats(conninfo: dict, directory: Path, seconds: float):
    words = []
    for name, text, share in (("hear", HEAR, HEARD), ("change", CHANGE, CHANGES)):
        (directory / f"{name}.sql").write_text(text)
        words += ["-f", f"{directory / name}.sql@{share}"]
    return subprocess.Popen(["/usr/lib/postgresql/15/bin/pgbench", "-n", "-c", "2", "-j", "1", "-R", str(HEARD + CHANGES),
                             "-T", str(max(1, round(seconds))), *words], env={**os.environ, **conninfo},
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(portal: str, token: str, conninfo: dict, directory: Path) -> list:
    """conninfo: PGHOST and the like, of a role that may write the mirror."""
    seconds = load.ROUNDS * load.SECONDS
    heart = beats(conninfo, directory, seconds + 2)
    clients = [Client(portal, token, time.perf_counter() + seconds, n) for n in range(CLIENTS)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    heart.wait()
    rows = []
    for what, most in TARGET_MS.items():
        took = [ms for c in clients for ms in c.took[what]]
        rows.append({"row": "6", "what": f"50 of 100,000 desktops, {what}, ms", "ours": load.percentile(took, 0.5),
                     "p99_ms": load.percentile(took, 0.99), "p95": load.percentile(took, 0.99), "target_most": most,
                     "errors": sum(c.errors for c in clients) if what == "pool" else 0, "asked": len(took)})
    return rows


def run(stand) -> list:
    cluster = stand.run.clusters["ccc"]
    conninfo = {"PGHOST": "127.0.0.1", "PGPORT": str(cluster.port), "PGDATABASE": cluster.database, "PGUSER": f"{cluster.database}_owner",
                "PGPASSWORD": cluster.layout.secret(f"{cluster.name}-{cluster.database}_owner")}
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1"], input=WORLD, text=True, check=True, env={**os.environ, **conninfo})
    return measure(stand.portal, stand.admin.token, conninfo, stand.state)
