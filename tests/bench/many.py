"""`make bench-scale`: many blocks, simulated, with one CCC over them: what fits on this machine, and what it costs.

BLOCKS=50 blocks of 20 bServers and 2,000 desktops; DESKTOPS=2000 a block runs fewer. The programs are those of an installation:
one process for each bCenter and xCenter, an agent process for a module's ten bServers, each with its own certificate
and connection. It goes on, block by block, until all are there or something refuses; what refused is said, and what there
was until then is measured.
"""

import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import host  # noqa: E402
import stand  # noqa: E402, F401 (the path of packaging/block)

import content  # noqa: E402
import topology  # noqa: E402
from block import BlockRun  # noqa: E402
from daemons import Daemon  # noqa: E402
from layout import Layout  # noqa: E402
from process import stop_pids  # noqa: E402
from progress import say  # noqa: E402
from rest import Problem, Rest, wait_until  # noqa: E402

BLOCKS = int(os.environ.get("BLOCKS", "50"))
DESKTOPS = int(os.environ.get("DESKTOPS", "2000"))     # a block
LIMIT_S = float(os.environ.get("LIMIT_S", "780"))       # no further block is begun after this
KEEP_MIB = int(os.environ.get("KEEP_MIB", "3072"))      # memory of the machine that is left to others
BLOCK_S = 240           # until a block's desktops run
SETTLE_S = float(os.environ.get("SETTLE_S", "35"))       # what the starts needed has gone back by then
IDLE_S, PAGES = float(os.environ.get("IDLE_S", "20")), 300


def numbered(n: int) -> topology.Block:
    """One of many: names of nodes are unique in the installation's state directory."""
    return topology.Block(f"block-{n}", [topology.module(f"m{n}{half}", f"b{n}{half}", 0, 10) for half in "ab"])


class Numbered(BlockRun):
    """A block beside others under one CCC, which the first of them brings up."""

    def __init__(self, layout: Layout, n: int):
        self.n = n
        super().__init__(layout, small=True, images=layout.state, block=numbered(n))

    def _xcenter(self, number: int) -> Daemon:
        name = f"xcenter-{self.n}-{number}"
        url = f"127.0.0.1:{self.layout.port(name)}"
        return Daemon(self.layout, "xcenter", name, {
            **self._join(name), "ccc_url": self.ccc.config["management_url"], "management_listen": url,
            "management_url": f"https://{url}"})


def available_mib() -> int:
    words = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(words["MemAvailable"].split()[0]) >> 10


class Many:
    def __init__(self, state: Path):
        self.layout = Layout(state)
        self.layout.make()
        self.layout.port("portal")
        self.blocks, self.full, self.why = [], 0, f"all {BLOCKS} blocks"
        self.times = []

    def grow(self) -> None:
        begin = time.monotonic()
        while len(self.blocks) < BLOCKS:
            if time.monotonic() - begin > LIMIT_S:
                self.why = f"the time that was given, {LIMIT_S:.0f} s"
                return
            if available_mib() < KEEP_MIB:
                self.why = f"memory: {available_mib()} MiB of the machine were left"
                return
            try:
                self._add()
            except (RuntimeError, OSError, Problem) as bad:
                self.why = f"block {len(self.blocks)}: {bad}"
                return

    def _add(self) -> None:
        n = len(self.blocks) + 1
        block = Numbered(self.layout, n)
        self.blocks.append(block)
        begin = time.monotonic()
        block.up()
        if n == 1:
            self.rest = Rest(f"{block.ccc.config['public_url']}/api/v1")
            self.rest.login("admin", self.layout.secret("user-admin"))
            self.image = content.image(self.rest, "empty", "", content.empty_image(self.layout.home))
            self.like = content.spec(self.rest, "office", memory_mib=1024, needs_vf=True)
        up_s, names = time.monotonic() - begin, [m.name for m in block.block.modules]
        modules = wait_until("its modules", lambda: self._modules(names), BLOCK_S)
        each = DESKTOPS // 2
        pool = content.pool(self.rest, f"office-{n}", "", self.image, {m: each for m in modules}, "floating", each, self.like)
        made = time.monotonic()
        wait_until(f"{DESKTOPS} desktops of block {n}", lambda: self.rest.call(
            "GET", f"/pools/{pool['id']}")["counts"]["ready"] >= 2 * each, BLOCK_S, every=0.5)
        self.full = n
        self.times.append((up_s, time.monotonic() - made))
        say(f"  block {n}: up in {up_s:.1f} s, {2 * each} desktops ready in {self.times[-1][1]:.1f} s, "
            f"{available_mib()} MiB left, load {os.getloadavg()[0]:.1f}")

    def _modules(self, names: list) -> list:
        """Their ids, once all twenty bServers are up."""
        of = {m["name"]: m["id"] for m in self.rest.every("/modules")}
        ids = [of[n] for n in names if n in of]
        up = [b for b in self.rest.every("/bservers") if b["state"] == "up" and b["module_id"] in ids]
        return ids if len(up) == 20 else []

    # ---- what is measured

    def tiers(self) -> dict:
        """Tier → pids."""
        found = {"ccc": [self.blocks[0].ccc.process.pid()], "xcenter": [], "bcenter": [], "agents": [], "postgres": []}
        for b in self.blocks:
            found["xcenter"] += [x.process.pid() for x in b.xcenters]
            found["bcenter"] += [d.process.pid() for d in b.bcenters.values()]
            found["agents"] += [d.process.pid() for d in b.packs.values()]
            clusters = [c for name, c in b.clusters.items() if name != "ccc" or b is self.blocks[0]]
            found["postgres"] += [pid for c in clusters if c.process.pid() for pid in host.children(c.process.pid())]
        return {name: [p for p in pids if p] for name, pids in found.items()}

    def page(self) -> dict:
        """Milliseconds of a page of 50 desktops, sorted by name, through REST: of all, and by a part of the name."""
        found = {}
        for what, path in (("page", "/desktops?limit=50"), ("part of a name", "/desktops?limit=50&q=office-1")):
            times = []
            for _ in range(PAGES):
                begin = time.monotonic()
                self.rest.call("GET", path)
                times.append((time.monotonic() - begin) * 1000)
            times.sort()
            found[what] = {"p50_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)]}
        return found

    def measure(self) -> dict:
        time.sleep(SETTLE_S)
        tiers = self.tiers()
        meter, begin = host.Meter(tiers), time.monotonic()
        time.sleep(IDLE_S)
        spent = time.monotonic() - begin
        cpu = {name: us / spent / 1e4 for name, us in meter.read().items()}
        pss = {name: sum(host.pss_kib(p) for p in pids if Path(f"/proc/{p}").exists()) / 1024 for name, pids in tiers.items()}
        silent = sum(b["state"] != "up" for b in self.rest.every("/bservers"))
        return {"blocks": self.full, "bservers": 20 * self.full, "desktops": self.full * DESKTOPS, "why": self.why,
                "silent bservers": silent, "times": self.times, "cpu_percent": cpu, "pss_mib": pss,
                "processes": {name: len(pids) for name, pids in tiers.items()}, "pages": self.page(),
                "load": os.getloadavg(), "left_mib": available_mib()}

    def down(self) -> None:
        """All at once: one block after another would take minutes."""
        daemons = {d.name: d for b in self.blocks for d in b.daemons()}
        clusters = {c.name: c for b in self.blocks for c in b.clusters.values()}
        stop_pids([d.process.pid() for d in daemons.values()], patience=120)
        stop_pids([c.process.pid() for c in clusters.values()], signal.SIGINT, patience=120)


def show(m: dict) -> None:
    print(f"\n{m['blocks']} blocks, {m['bservers']} bServers ({m['silent bservers']} not up), {m['desktops']:,} desktops; "
          f"what ended it: {m['why']}")
    if m["times"]:
        up, ready = zip(*m["times"])
        print(f"a block: up in {statistics.median(up):.1f} s (median), its desktops ready in {statistics.median(ready):.1f} s; "
              f"first {ready[0]:.1f} s, last {ready[-1]:.1f} s")
    print(f"{'tier':10} {'processes':>9} {'% of a core':>12} {'MB of PSS':>10}")
    for name, pids in m["processes"].items():
        print(f"{name:10} {pids:9} {m['cpu_percent'][name]:12.1f} {m['pss_mib'][name]:10.0f}")
    for what, t in m["pages"].items():
        print(f"50 desktops, {what}: p50 {t['p50_ms']:.1f} ms, p99 {t['p99_ms']:.1f} ms")
    print(f"load average {m['load'][0]:.1f}, {m['left_mib']} MiB left", flush=True)


def main() -> int:
    os.umask(0o022)
    base = Path(os.environ.get("BENCH_STATE") or tempfile.mkdtemp(prefix="bic-m"))
    os.chmod(base, 0o755)
    many = Many(base / "m")
    try:
        many.grow()
        m = many.measure()
        show(m)
        to = Path(os.environ.get("STATE") or "var") / "bench"
        to.mkdir(parents=True, exist_ok=True)
        (to / f"many-{time.strftime('%Y-%m-%dT%H%M%S')}.json").write_text(json.dumps(m, indent=1) + "\n")
    finally:
        many.down()
    if "BENCH_STATE" not in os.environ:
        shutil.rmtree(base, ignore_errors=True)
    return 0 if many.full else 1


if __name__ == "__main__":
    sys.exit(main())
