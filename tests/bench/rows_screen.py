"""Rows 3 and 4: from the ticket to the first picture, and what the display listener moves."""

import json
import subprocess
import time

import load
from stand import Stand

from screen import Screen

PICTURES = 30


def first_picture(stand: Stand) -> list:
    """A tiny desktop under QEMU: POST tickets, then socket, WebSocket, RFB and one whole picture."""
    pool = stand.pool("seen", 1, networked=False)
    rest = stand.person("seer")
    connection = stand.connect(rest, pool)
    time.sleep(5)  # its own boot messages are over
    at_module = stand.at_module("seer")
    asked, shown = [], []
    for _ in range(PICTURES):
        begin = time.monotonic()
        display = at_module.call("POST", f"/connections/{connection['id']}/tickets",
                                 {"resume": connection["resume"]})["display"]
        ticket = time.monotonic()
        screen = Screen(display)
        screen.handshake()
        screen.frame()
        end = time.monotonic()
        screen.close()
        asked.append((end - begin) * 1000)
        shown.append((end - ticket) * 1000)
    return [{"row": "3", "what": "ticket in hand to first FramebufferUpdate, ms", "ours": load.percentile(shown, 0.5),
             "p95": load.percentile(shown, 0.95), "target_most": 500, "rounds": shown},
            {"row": "3", "what": "POST tickets to first FramebufferUpdate, ms", "ours": load.percentile(asked, 0.5),
             "p95": load.percentile(asked, 0.95), "rounds": asked}]


def relay(stand: Stand) -> list:
    """tests/bench/screen_bench: listener and client are processes of their own; the source is endless."""
    program = stand.run.layout.build / "tests" / "bench" / "screen_bench"
    done = subprocess.run([program, str(max(1.0, load.SECONDS / 2)), str(load.ROUNDS)], capture_output=True, text=True,
                          check=True)
    said = json.loads(done.stdout)
    rows = [{"row": "4", "what": f"MB/s over TLS, {n} screens / openssl s_server", "ours": said[f"screens_{n}"]["mb_s"],
             "beside": said[f"screens_{n}"]["openssl_mb_s"], "ratio": said[f"screens_{n}"]["ratio"], "target": 0.5,
             "rounds": said} for n in (1, 50)]
    for what, name in (("idle", "idle"), ("reader that stands still", "slow_reader")):
        rows.append({"row": "4", "what": f"KiB an open screen, {what}", "ours": said["memory_kib"][name],
                     "target_most": 200})
    return rows


def run(stand: Stand) -> list:
    return first_picture(stand) + relay(stand)
