"""Row 8: a block at its rated size, simulated: how fast desktops are made and started, and what 2,000 of them cost."""

import time

import content
import host
import topology
from progress import step
from stand import BlockRun, Layout, Rest, wait_until

RATED = 1000        # of a module
IDLE_S = 30
SETTLE_S = 45       # memory that was needed for the start has gone back by then (common/daemon/heap.h)
WAIT_S = 600


def tiers(block: BlockRun) -> dict:
    """Name → pids; PostgreSQL's come and go."""
    def cluster(name: str):
        return lambda: host.children(block.clusters[name].process.pid())
    return {**{d.name: [d.process.pid()] for d in block.daemons()}, **{f"postgres {n}": cluster(n) for n in block.clusters}}


def fill(rest: Rest, name: str, modules: list, image: dict, like: dict) -> tuple:
    """Seconds until its desktops are made, and until all are ready, from the request that makes the pool."""
    begin = time.monotonic()
    made = content.pool(rest, name, "", image, {m: RATED for m in modules}, "floating", RATED, like)
    size, times = RATED * len(modules), {}

    def full() -> bool:
        counts = rest.call("GET", f"/pools/{made['id']}")["counts"]
        for what, count in (("made", counts["desktops"]), ("ready", counts["ready"])):
            if count >= size:
                times.setdefault(what, time.monotonic() - begin)
        return "ready" in times
    with step(f"{size} desktops of {name}"):
        wait_until(f"{size} desktops", full, WAIT_S, every=0.1)
    return times["made"], times["ready"]


def unbound(rest: Rest, module: str) -> None:
    """An administrator's limit that no model of a host reaches: what is measured then is BIC, not how fast hosts boot."""
    for b in rest.every(f"/bservers?module_id={module}"):
        rest.call("PATCH", f"/bservers/{b['id']}", {"io_limit": 1_000_000}, headers={"If-Match": f'"{b["generation"]}"'})
    wait_until("the limits", lambda: all(b["io"] and b["io"]["source"] == "administrator"
                                         for b in rest.every(f"/bservers?module_id={module}")), 60)


def daemons_pss(block: BlockRun) -> dict:
    return {d.name: host.pss_kib(d.process.pid()) / 1024 for d in block.daemons()}


def run(state) -> list:
    state.mkdir(mode=0o755, parents=True, exist_ok=True)
    block, rows = BlockRun(Layout(state), small=True, images=state, block=topology.scale()), []
    try:
        block.up()
        rest = Rest(f"{block.ccc.config['public_url']}/api/v1")
        rest.login("admin", block.layout.secret("user-admin"))
        modules = list(content.modules_up(rest, [m.name for m in block.block.modules], len(block.agents)).values())
        image = content.image(rest, "empty", "", content.empty_image(block.layout.home))
        like = content.spec(rest, "office", memory_mib=1024, needs_vf=True)
        time.sleep(SETTLE_S)
        empty = daemons_pss(block)
        unbound(rest, modules[0])
        for n, module in enumerate(modules):
            meter = host.Meter(tiers(block))
            made, ready = fill(rest, f"office-{n + 1}", [module], image, like)
            each = {name: us / RATED for name, us in meter.read().items()}
            rows += [{"row": "8", "what": "create + start of 1,000 desktops, I/O limits given, a second",
                      "ours": RATED / ready, "target_least": 500, "each": each, "made_s": made, "ready_s": ready}
                     if n == 0 else
                     {"row": "8", "what": "seconds until 1,000 are ready on cold hosts, by the learned I/O limits",
                      "ours": ready, "target_most": 600, "each": each, "made_s": made}]
        time.sleep(SETTLE_S)
        meter, begin = host.Meter(tiers(block)), time.monotonic()
        time.sleep(IDLE_S)
        spent = time.monotonic() - begin
        idle = {name: us / spent / 1e4 for name, us in meter.read().items()}
        full = daemons_pss(block)
        rows += [{"row": "8", "what": "2,000 desktops run idle, % of a core without PostgreSQL",
                  "ours": sum(v for name, v in idle.items() if not name.startswith("postgres")), "each": idle},
                 {"row": "8", "what": "stack without desktops, MB of PSS", "ours": sum(empty.values()), "each": empty},
                 {"row": "8", "what": "stack with 2,000 desktops, MB of PSS", "ours": sum(full.values()),
                  "target_most": 100, "each": full},
                 {"row": "8", "what": "one further desktop at the CCC, kB", "target_most": 1,
                  "ours": (full["ccc"] - empty["ccc"]) * 1024 / (2 * RATED)}]
        rest.logout()
    finally:
        block.down()
    return rows
