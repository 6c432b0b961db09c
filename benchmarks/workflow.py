"""Time what a person waits for: the dry-run at full size, the call that finds nothing to do, and whole demos.

    python benchmarks/workflow.py [--repeats 3] [--demos] [--output PATH]

Each is set against `snakemake --version`, the start-up that every call pays, in the same run. The no-op is timed on a
finished demo: that of `--demos`, or of a `make demo` before; without one it is left out. Demos, which take long, are
run once each, from nothing but the environment.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
CALLS = {
    "start-up": ["--version"],
    "dry-run, full size": ["--dry-run", "--quiet", "all", "--config", "results=results/benchmark-of-nothing"],
}
DEMOS = ("demo", "demo-all")


def demo(name: str, results: str) -> list[str]:
    return ["--profile", f"profiles/{name}", "--config", f"results={results}"]


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([*SNAKEMAKE, *arguments], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--demos", action="store_true", help="also run `make demo` and `make demo-all`")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/results/benchmarks/workflow.csv")
    arguments = parser.parse_args()
    times = {}
    for name in DEMOS if arguments.demos else ():
        results = f"results/benchmark-of-{name}"
        shutil.rmtree(ROOT / results, ignore_errors=True)
        print(f"make {name} ...", flush=True)
        times[f"make {name}, environment in place"] = [seconds(demo(name, results))]
    finished = "results/benchmark-of-demo" if arguments.demos else "results"
    calls = dict(CALLS)
    if (ROOT / finished / "report/report.html").exists():
        calls["no-op, demo size"] = [*demo("demo", finished), "--quiet", "all", "--rerun-triggers", "mtime"]
    else:
        print("no finished demo in results/: the no-op is left out")
    times |= {name: [] for name in calls}
    for _ in range(arguments.repeats):  # in turns, so that a busy moment does not fall on one call alone
        for name, call in calls.items():
            times[name].append(seconds(call))
    for name in DEMOS:
        shutil.rmtree(ROOT / f"results/benchmark-of-{name}", ignore_errors=True)
    base = statistics.median(times["start-up"])
    rows = [
        {
            "call": name,
            "seconds": round(statistics.median(values), 2),
            "times_start_up": round(statistics.median(values) / base, 2),
        }
        for name, values in times.items()
    ]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with open(arguments.output, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print("{call:38s} {seconds:6.2f} s  {times_start_up:5.2f} x start-up".format(**row))


if __name__ == "__main__":
    main()
