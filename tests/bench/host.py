"""What the kernel says of processes: CPU time used and memory held."""

import os
from pathlib import Path

TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")


def cpu_us(*pids: int) -> float:
    """CPU time of these processes so far, with that of their ended children, in microseconds."""
    total = 0
    for pid in pids:
        try:
            after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(ticks) for ticks in after[11:15])
    return total * TICK_US


def pss_kib(pid: int) -> int:
    """Proportional set size: shared pages are divided among those who share them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def children(pid: int) -> list:
    """The process and its direct children: a PostgreSQL cluster, an nginx with its workers."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(c) for c in (task / "children").read_text().split()]
    return found


class Meter:
    """CPU of named groups of processes between start and read."""

    def __init__(self, groups: dict):
        self.groups = groups
        self.before = self._now()

    def _now(self) -> dict:
        return {name: cpu_us(*(pids() if callable(pids) else pids)) for name, pids in self.groups.items()}

    def read(self) -> dict:
        now = self._now()
        return {name: now[name] - self.before[name] for name in self.groups}
