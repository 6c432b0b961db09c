"""A clock that goes back: what was made of what stays in order."""

import os
import time
from pathlib import Path

from sim2sky.jobs import bring_back_dates

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
MADE_OF_NOTHING = {"simulate_shard.py", "compare_degenerate.py", "fetch_weights.py"}  # their rules have no input


def test_results_of_the_future_keep_their_order_and_others_their_dates(tmp_path):
    now = time.time()
    dates = {"old": now - 100, "input": now + 3600, "result": now + 3601, "of it": now + 3602}
    for name, date in dates.items():
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (date, date))
    assert bring_back_dates(tmp_path, [tmp_path / "old", tmp_path / "not there"]) == 0
    assert (tmp_path / "input").stat().st_mtime > now, "no input of this job is dated in the future"
    assert bring_back_dates(tmp_path, [tmp_path / "input"]) == 3
    found = [(tmp_path / name).stat().st_mtime for name in dates]
    assert found == sorted(set(found)) and found[-1] < time.time()
    assert abs(found[0] - dates["old"]) < 1e-3
    assert bring_back_dates(tmp_path) == 0


def test_every_script_that_reads_results_ends_with_it():
    last = 'bring_back_dates(snakemake.config["results"], snakemake.input)'
    for path in SCRIPTS.glob("*.py"):
        assert (path.read_text().splitlines()[-1] == last) == (path.name not in MADE_OF_NOTHING), path.name
