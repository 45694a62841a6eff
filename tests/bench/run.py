"""BIC beside others, in turns: `make bench`. ROUNDS, SECONDS, ROWS as in bench.mk; docs/bench.md says what is compared."""

import datetime
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import load  # noqa: E402
import rows_connect  # noqa: E402
import rows_hops  # noqa: E402
import rows_idle  # noqa: E402
import rows_list  # noqa: E402
import rows_read  # noqa: E402
import rows_scale  # noqa: E402
import rows_screen  # noqa: E402
import rows_spare  # noqa: E402
import rows_sweep  # noqa: E402
from stand import SOURCE, Stand  # noqa: E402

ROWS = os.environ.get("ROWS", "connect spare hops rated read list screens idle sweep scale").split()


def missed(row: dict) -> bool:
    too_slow = (row.get("target") and row["ratio"] < row["target"]
                or "target_least" in row and row["ours"] < row["target_least"])
    too_much = "target_most" in row and row.get("p95", row["ours"]) > row["target_most"]
    return bool(too_slow or too_much or row.get("errors"))


def number(value) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def line(row: dict) -> str:
    least = row.get("target") or row.get("target_least")
    target = f">= {least}" if least else f"<= {row['target_most']}" if row.get("target_most") else ""
    extra = f"p95 {number(row['p95'])}" if "p95" in row else f"p99 {row['p99_ms']:.1f} ms" if row.get("p99_ms") else ""
    if row.get("errors"):
        extra += f" {row['errors']} errors"
    what = row["what"] + (f", {row['connections']} conn." if "connections" in row else "")
    return (f"{row['row']:>3}  {what:72} {number(row['ours']):>9} {number(row.get('beside')):>9} "
            f"{number(row.get('ratio')):>6} {target:>8} {'MISSED' if missed(row) else '':6} {extra}")


def show(rows: list) -> None:
    print(f"\nrow  {'':72} {'BIC':>9} {'beside':>9} {'ratio':>6} {'target':>8}")
    for row in rows:
        print(line(row))
        if row["row"] in ("5", "7", "8") and "each" in row and "pgbench" not in row["what"]:
            print("       CPU us each: " + ", ".join(f"{name} {number(us)}" for name, us in row["each"].items()))
    print(flush=True)


def on_stand(state: Path) -> list:
    stand, rows = Stand(state), []
    try:
        stand.up()
        people = stand.seat_people() if {"connect", "read"} & set(ROWS) else ()
        if "connect" in ROWS:
            rows += rows_connect.run(stand, people)
            show(rows)
        if "spare" in ROWS:
            rows += rows_spare.run(stand)
        if "hops" in ROWS:
            rows += rows_hops.run(stand)
        if "read" in ROWS:
            rows += rows_read.run(stand, people)
        if "list" in ROWS:
            rows += rows_list.run(stand)
        if "screens" in ROWS:
            rows += rows_screen.run(stand)
    finally:
        stand.down()
    return rows


def save(rows: list) -> Path:
    state = Path(os.environ.get("STATE") or "var")
    directory = (state if state.is_absolute() else SOURCE / state) / "bench"
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%dT%H%M%SZ}.json"
    file.write_text(json.dumps({"rounds": load.ROUNDS, "seconds": load.SECONDS, "cores": os.cpu_count(), "rows": rows},
                               indent=1) + "\n")
    return file


def main() -> int:
    os.umask(0o022)
    base = Path(os.environ.get("BENCH_STATE") or tempfile.mkdtemp(prefix="bic-b"))
    base.mkdir(mode=0o755, exist_ok=True)
    os.chmod(base, 0o755)
    rows = []
    try:
        if {"connect", "spare", "hops", "read", "list", "screens"} & set(ROWS):
            rows += on_stand(base / "s")
        if "rated" in ROWS:
            rows += rows_connect.rated(base / "r")
        if "idle" in ROWS:
            rows += rows_idle.run(base / "w")
        if "sweep" in ROWS:
            rows += rows_sweep.run()
        if "scale" in ROWS:
            rows += rows_scale.run(base / "f")
    finally:
        if rows:
            show(rows)
            print(f"raw rows: {save(rows)}")
    if "BENCH_STATE" not in os.environ:
        shutil.rmtree(base, ignore_errors=True)
    return 1 if any(missed(row) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
