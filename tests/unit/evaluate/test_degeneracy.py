"""Images whose parameters differ and that are the same all the same."""

import itertools

import numpy as np
import pandas as pd
import pytest

from sim2sky import store
from sim2sky.config import Degeneracy
from sim2sky.evaluate.degeneracy import SWAPPED, compare_all, compare_degenerate
from sim2sky.report.tables import analyses as tables_analyses


@pytest.mark.parametrize("lens", ["point_mass", "sis"])
def test_images_depend_on_the_ratio_alone(lens, tmp_path):
    """The open question of Vegsund & Sukarevicius 2023, Section 3.1: at all distances, and exactly."""
    ranges = [{"chi": [1, 5]}, {"chi": [30, 70], "identical": 548, "largest_rms": 0.03}, {"chi": [92, 98]}]
    config = Degeneracy(lens=lens, pixels=120, images_per_range=12, strength=(10, 30), swapped=10, ranges=ranges)
    compare_degenerate(config, tmp_path / "table.csv", tmp_path / "images.zarr.zip", {})
    table = pd.read_csv(tmp_path / "table.csv")
    ratio = table[(table["R_E"] == "exact") & (table.range != SWAPPED)]
    assert (ratio.pairs == 66).all()
    assert (ratio.identical == 66).all()
    assert (ratio.largest_rms == 0).all()
    whole = table[table["R_E"] == "whole pixels"]
    assert (whole.identical < 66).all()
    assert whole.largest_rms.iloc[0] > whole.largest_rms.iloc[-1], "a pixel is more of a small Einstein radius"
    swapped = table[table.range == SWAPPED].iloc[0]
    assert swapped.largest_difference <= 1, "but for counts that round the other way"
    pair = store.open_shards([tmp_path / "images.zarr.zip"])
    first, second = (pair.read(name)[1].astype(int) for name in ("first", "second"))
    assert np.sqrt(np.square(first - second).mean()) == pytest.approx(whole.largest_rms.iloc[0])
    rows = tables_analyses.degeneracy(tmp_path / "table.csv").rows
    assert [row[-2:] for row in rows[2:4]] == [["–", "–"], ["548", "0.03"]]


def test_all_pairs_are_compared():
    images = np.random.default_rng(0).integers(0, 256, (7, 9, 9), dtype=np.uint8)
    images[4] = images[1]
    found, pair = compare_all(images)
    pairs = list(itertools.combinations(images.astype(int), 2))
    rms = [np.sqrt(np.square(one - other).mean()) for one, other in pairs]
    assert (found["pairs"], found["identical"]) == (21, 1)
    assert found["largest_rms"] == pytest.approx(max(rms))
    np.testing.assert_array_equal(pair, pairs[int(np.argmax(rms))])


def test_a_range_lies_within_the_way_to_the_source():
    for chi in ([0, 5], [7, 7], [90, 101]):
        with pytest.raises(ValueError, match="not a range within"):
            Degeneracy(ranges=[{"chi": chi}])
