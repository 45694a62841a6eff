"""Row 6: what a whole block costs that nobody uses, and what an open screen adds."""

import struct
import time

import host
from stand import IMAGES, BlockRun, Layout, Rest, wait_until

from screen import Screen

IDLE_S = 30
SETTLE_S = 20
BOOT_S = 420    # a whole desktop under an emulated processor, on a machine with other work


def window(pids: dict, seconds: float) -> dict:
    """Percent of a core and KiB of each."""
    meter, begin = host.Meter({name: [pid] for name, pid in pids.items()}), time.monotonic()
    time.sleep(seconds)
    spent = time.monotonic() - begin
    return {name: {"percent": us / spent / 1e4, "pss_kib": host.pss_kib(pids[name])} for name, us in meter.read().items()}


def total(of: dict, what: str) -> float:
    return sum(one[what] for one in of.values())


def settled(rest: Rest) -> bool:
    """Every pool has the spares it wants."""
    pools = rest.every("/pools")
    return all(p["counts"]["ready"] + p["counts"]["in_use"] >= p["spares_running"] for p in pools)


def open_screens(block: BlockRun) -> list:
    """Every person opens what she can, tiny desktops only."""
    screens = []
    for name in ("kim", "lee"):
        rest = Rest(f"{block.ccc.config['public_url']}/api/v1")
        rest.login(name, block.layout.secret(f"user-{name}"))
        for pool in rest.every("/pools"):
            if pool["image_name"] != "bic-tiny":
                continue

            def live(rest=rest, pool=pool):
                answer = rest.call("POST", "/connections", {"pool_id": pool["id"]})
                if "display" not in answer:
                    rest.call("GET", f"/operations/{answer['id']}?wait=5")
                return answer if "display" in answer else None
            screen = Screen(wait_until("a desktop", live, 120)["display"])
            screen.handshake()
            screen.frame()
            screen.send(struct.pack(">BBHHHH", 3, 1, 0, 0, *screen.size))  # tell me when something changes
            screens.append(screen)
    return screens


def run(state) -> list:
    block = BlockRun(Layout(state), small=False, images=IMAGES)
    state.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        block.up()
        rest = Rest(f"{block.ccc.config['public_url']}/api/v1")
        rest.login("admin", block.layout.secret("user-admin"))
        wait_until("spares", lambda: settled(rest), BOOT_S, every=2)
        time.sleep(SETTLE_S)
        pids = {d.name: d.process.pid() for d in block.daemons()}
        idle = window(pids, IDLE_S)
        screens = open_screens(block)
        time.sleep(5)
        agents = {name: pid for name, pid in pids.items() if name.startswith("bs-")}
        busy = window(agents, IDLE_S / 2)
        quiet = {name: idle[name] for name in agents}
        n = len(screens)
        for s in screens:
            s.close()
    finally:
        block.down()
    return [
        {"row": "6", "what": "whole block idle, % of a core", "ours": total(idle, "percent"), "target_most": 3,
         "each": idle},
        {"row": "6", "what": "whole block idle, MB of PSS", "ours": total(idle, "pss_kib") / 1024, "target_most": 100},
        {"row": "6", "what": f"an open idle screen at its agent, % of a core (mean of {n})",
         "ours": (total(busy, "percent") - total(quiet, "percent")) / n, "each": busy},
        {"row": "6", "what": f"an open idle screen at its agent, KiB of PSS (mean of {n})",
         "ours": (total(busy, "pss_kib") - total(quiet, "pss_kib")) / n}]
