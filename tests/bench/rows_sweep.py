"""Row 12: what an agent's looks at its machines cost (sweep_bench), each a median in turns with libvirt's full statistics.

100 machines each. QEMUS=20 makes fewer QEMUs (paused, 40 MB each), whose figures are then said per 100.
"""

import json
import os
import subprocess
from pathlib import Path

import load
from stand import SOURCE

QEMUS = int(os.environ.get("QEMUS", "100"))
RATED = 100     # machines a host


def measure(kind: str, machines: int) -> dict:
    program = Path(os.environ["BIC_BUILD"]) / "tests" / "bench" / "sweep_bench"
    done = subprocess.run([program, kind, str(machines), str(load.ROUNDS * 7)], capture_output=True, text=True, check=True,
                          cwd=SOURCE)
    said = json.loads(done.stdout)
    return {name: said[name] / 1000 * RATED / machines for name in said if name.endswith("_us")}


def rows(kind: str, ms: dict) -> list:
    naive = ms["naive_us"]
    qemu = kind == "embedded"
    found = [{"row": "12", "what": f"sweep of 100 {kind} machines, ms / all statistics", "ours": ms["sweep_us"], "beside": naive,
              "ratio": naive / ms["sweep_us"], "target_most": 1, **({"target": 100} if qemu else {}), "rounds": ms},
             {"row": "12", "what": f"a full I/O sample of 100 {kind} machines, ms / all statistics", "ours": ms["sample_us"],
              "beside": naive, "ratio": naive / ms["sample_us"]}]
    if "look_us" in ms:
        found.append({"row": "12", "what": f"a whole look at 100 {kind} machines, with its report, ms", "ours": ms["look_us"]})
    return found


def run() -> list:
    return rows("simulated", measure("simulated", RATED)) + rows("embedded", measure("embedded", QEMUS))
