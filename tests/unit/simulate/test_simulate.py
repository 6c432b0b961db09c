"""Simulated shards."""

import hashlib

import numpy as np
import pytest
import torch
import xarray
import zarr

from sim2sky.config import Simulation
from sim2sky.simulate.shard import simulate_shard
from sim2sky.store import open_shards

LIGHT = {"magnitude": {"uniform": [19, 24]}, "R_sersic": 0.4, "n_sersic": {"uniform": [0.5, 1.5]}, "e1": 0.2}
MASS = {"theta_E": {"uniform": [0.5, 1.5]}, "e1": {"uniform": [-0.2, 0.2]}, "gamma2": 0.03}
POPULATION = {"lens_mass": MASS, "lens_light": LIGHT, "source_light": LIGHT}


def simulate(folder, lenses, shard_size=None, **more):
    options = {"pixels": 13, "pixel_scale": 0.4, "bands": ["g"], "population": POPULATION} | more
    simulation = Simulation.model_validate(options | {"lenses": lenses, "shard_size": shard_size or lenses})
    paths = [folder / f"{shard}.zarr.zip" for shard in simulation.shards]
    for shard, path in zip(simulation.shards, paths, strict=True):
        simulate_shard(simulation, shard, path, {"code": "f"}, device="cpu")
    return paths


def arrays(paths):
    """Checksum of every array over all shards."""
    shards = open_shards(paths)
    return {name: hashlib.sha256(shards.read(name).tobytes()).hexdigest() for name in shards}


@pytest.mark.parametrize("shard_size", [50, 37])
def test_bytes_do_not_depend_on_the_shard_size(tmp_path, shard_size):
    whole = simulate(tmp_path / "whole", 400)
    parts = simulate(tmp_path / "parts", 400, shard_size)
    assert len(parts) == -(-400 // shard_size)
    assert arrays(parts) == arrays(whole)


def test_bytes_do_not_depend_on_threads_and_threads_stay(tmp_path):
    before = torch.get_num_threads()
    made = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        made += simulate(tmp_path / str(threads), 3, pixels=67, supersampling=3)
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert made[0].read_bytes() == made[1].read_bytes()


def test_more_lenses_keep_those_that_exist(tmp_path):
    few, many = (open_shards(simulate(tmp_path / str(lenses), lenses)) for lenses in (7, 130))
    assert all(np.array_equal(few.read(name), many.read(name, 0, 7)) for name in few)


def test_xarray_reads_a_labelled_data_set(tmp_path, capsys):
    (path,) = simulate(tmp_path, 5)
    data = xarray.open_zarr(zarr.storage.ZipStore(path, mode="r"))
    for name in ("lens_light", "lensed_source"):
        assert data[name].dims == ("lens", "band", "y", "x")
        assert data[name].shape == (5, 1, 13, 13)
        assert data[name].dtype == np.float32
        assert data[name].attrs["units"] == "counts/s"
    assert data["theta_E"].attrs["units"] == "arcsec"
    assert data["source_light_magnitude"].dims == ("lens",)
    assert data["lens"].values.tolist() == [0, 1, 2, 3, 4]
    assert (data.attrs["zero_point"], data.attrs["pixel_scale"], data.attrs["bands"]) == (30, 0.4, ["g"])
    assert data.attrs["fingerprint"] == {"code": "f"}
    assert data.attrs["config"]["population"]["lens_mass"]["theta_E"] == {"uniform": [0.5, 1.5]}
    assert "shard 0000000-0000004: 100% rendered" in capsys.readouterr().out


def test_flux_is_that_of_the_magnitude_in_every_band(tmp_path):
    massless = {"theta_E": 0}  # nothing bends the light: the source keeps its flux, too
    population = {"lens_mass": massless, "lens_light": LIGHT, "source_light": LIGHT | {"colors": {"r": 1.5}}}
    shard = open_shards(simulate(tmp_path, 4, pixels=40, supersampling=3, bands=["g", "r"], population=population))
    lens, source = (shard.read(name).sum((2, 3)) for name in ("lens_light", "lensed_source"))
    assert lens[:, 0] == pytest.approx(10 ** (-0.4 * (shard.read("lens_light_magnitude") - 30)), rel=0.01)
    assert lens[:, 1] == pytest.approx(lens[:, 0])
    assert source[:, 0] == pytest.approx(10 ** (-0.4 * (shard.read("source_light_magnitude") - 30)), rel=0.01)
    assert source[:, 1] == pytest.approx(source[:, 0] * 10**0.6, rel=1e-5)
