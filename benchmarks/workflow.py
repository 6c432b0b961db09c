"""Time what a person waits for, beside another checkout of this repository.

    python benchmarks/workflow.py --before PATH [--repeats 5] [--demo] [--busy] [--output PATH]

Each call is made in turn here and in the other checkout, whose environment is its own; the table has medians of both and their ratio, which
another machine should find as well. Make the other checkout, with a finished demo, by

    git clone . ../before && cd ../before && git checkout COMMIT && make demo

and run `make demo` here as well. Measured are the dry-run at full size, the call that finds a demo finished, the CPU time of the job that
predicts with the small network, with `--demo` the whole demo (once, into a folder of its own), and with `--busy` the same beside a process that
keeps one core busy. `snakemake --version` is the start-up that every call pays.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEMO = ["--profile", "profiles/demo"]
SCRATCH = "results/benchmark-of-demo"
# A run of the demo whose network is small; its block of seeds is the only one.
PREDICTIONS = "results/evaluate/einstein_radius/tuned-none"


def snakemake(checkout: Path, *arguments: str) -> None:
    """Run Snakemake with a checkout's environment, or with this one's where the checkout has none."""
    own = checkout / ".venv/bin/python"
    python = own if own.exists() else sys.executable
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, "-m", "snakemake", *arguments]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{checkout}: snakemake {' '.join(arguments)} failed\n{done.stderr}")


def start_up(checkout: Path) -> None:
    snakemake(checkout, "--version")


def dry_run(checkout: Path) -> None:
    snakemake(checkout, "--dry-run", "--config", "results=results/benchmark-of-nothing")


def finish_demo(checkout: Path) -> None:
    # by dates alone: the code may have changed since the demo was made
    snakemake(checkout, *DEMO, "--quiet", "all", "--rerun-triggers", "mtime")


def prediction(checkout: Path, *arguments: str) -> None:
    (block,) = (checkout / PREDICTIONS).iterdir()
    target = str((block / "predictions.parquet").relative_to(checkout))
    snakemake(checkout, *DEMO, "--quiet", "all", "--rerun-triggers", "mtime", "--force", *arguments, "--", target)


def planned_prediction(checkout: Path) -> None:
    prediction(checkout, "--dry-run")


def demo(checkout: Path) -> None:
    shutil.rmtree(checkout / SCRATCH, ignore_errors=True)
    snakemake(checkout, *DEMO, "--quiet", "all", "--config", f"results={SCRATCH}")
    shutil.rmtree(checkout / SCRATCH)


def wall_seconds(call: Callable[[Path], None], checkout: Path) -> float:
    start = time.perf_counter()
    call(checkout)
    return time.perf_counter() - start


def cpu_seconds(call: Callable[[Path], None], checkout: Path) -> float:
    """CPU time of a call and of all processes that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call(checkout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def prediction_cpu_seconds(call: Callable[[Path], None], checkout: Path) -> float:
    """CPU time of the job alone, without what Snakemake takes to plan it."""
    return cpu_seconds(call, checkout) - cpu_seconds(planned_prediction, checkout)


@contextmanager
def busy() -> Iterator[None]:
    """Beside a process that keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def row(name: str, measure: Callable, call: Callable, checkouts: list[Path], repeats: int) -> dict[str, str | float]:
    """Medians of a call in both checkouts, one after the other, so that a busy moment does not fall on one alone."""
    found = [[measure(call, checkout) for checkout in checkouts] for _ in range(repeats)]
    before, now = (statistics.median(values) for values in zip(*found, strict=True))
    print(f"{name:45s} {before:8.2f} s {now:8.2f} s  {now / before:.2f}", flush=True)
    return {"call": name, "before_s": round(before, 2), "seconds": round(now, 2), "ratio": round(now / before, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="the other checkout, with an environment and a demo")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--demo", action="store_true", help="also run the whole demo, once in each checkout")
    parser.add_argument("--busy", action="store_true", help="also measure beside a process that keeps one core busy")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/results/benchmarks/workflow.csv")
    given = parser.parse_args()
    checkouts = [given.before.resolve(), ROOT]
    for checkout in checkouts:
        if not (checkout / "results/report/report.html").exists():
            raise SystemExit(f"{checkout}: no finished demo in results/; run `make demo` there")
    rows = [
        row("start-up", wall_seconds, start_up, checkouts, given.repeats),
        row("dry-run, full size", wall_seconds, dry_run, checkouts, given.repeats),
        row("no-op, demo size", wall_seconds, finish_demo, checkouts, given.repeats),
    ]
    for where, around in {"": nullcontext, ", one core busy": busy}.items():
        if around is busy and not given.busy:
            continue
        with around():
            name = f"prediction of the small network, CPU{where}"
            rows.append(row(name, prediction_cpu_seconds, prediction, checkouts, given.repeats))
            for checkout in checkouts:
                finish_demo(checkout)  # what follows from the predictions is older than they are now
            if given.demo:
                rows.append(row(f"make demo, environment in place{where}", wall_seconds, demo, checkouts, 1))
    given.output.parent.mkdir(parents=True, exist_ok=True)
    with open(given.output, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
