"""From a trained block of seeds to its predictions and metrics."""

import copy
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from astropy.table import Table
from astropy.units import Unit
from sklearn.metrics import r2_score

from sim2sky import store
from sim2sky.config import Method, Recipe
from sim2sky.data.domain import Domain
from sim2sky.evaluate.latent import embed_latents
from sim2sky.evaluate.predict import CONDITIONS, predict_block
from sim2sky.evaluate.run_metrics import RUN_COLUMNS, evaluate_run, read_metrics
from sim2sky.models import inference
from sim2sky.models.network_file import load_models
from sim2sky.train.block import train_block

TRAIN, TEST = slice(0, 64), slice(72, 112)
UNITS = {"theta_E": "arcsec", "seeing": "arcsec", "signal_to_noise": "1", "sky_brightness": "mag/arcsec2"}
RECIPE = Recipe(network="lens_cnn", epochs=1, batch_size=16, optimiser={"lr": 1e-3}, normalisation="per_domain")


def make_domain(folder: Path, name: str, flux: float) -> tuple[Domain, dict[str, np.ndarray]]:
    """112 lenses in two shards; the pixels say what theta_E is, in a unit that differs by domain."""
    generator = np.random.default_rng(3)
    theta = generator.uniform(0.5, 3, 112)
    images = flux * (theta[:, None, None, None] + generator.normal(0, 0.3, (112, 1, 12, 12)))
    data = {"image": images.astype(np.float32), "theta_E": theta, "lens": np.arange(1000, 1112)}
    data |= {name: generator.uniform(1, 2, (112, 1)) for name in UNITS if name not in data}
    shards = []
    for number, part in enumerate((slice(0, 80), slice(80, 112))):
        shards.append(folder / name / f"{number}.zarr.zip")
        axes = {key: ("lens", "band", "y", "x")[: value.ndim] for key, value in data.items()}
        store.write_shard(
            shards[-1],
            {key: store.Variable(value[part], axes[key], UNITS.get(key, "1")) for key, value in data.items()},
            {},
        )
    return Domain(name, shards, {"train": (0, 64), "validation": (64, 72), "test": (72, 112)}), data


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two seeds trained, predicted and evaluated in two domains."""
    folder = tmp_path_factory.mktemp("run")
    clean, sky = (make_domain(folder, name, flux) for name, flux in (("clean", 20.0), ("sky", 1.0)))
    model, paths = folder / "model.safetensors", {n: folder / n for n in ("predictions.parquet", "latents.zarr.zip")}
    method = Method(title="No adaptation", adaptation="none")
    train_block(RECIPE, method, ["theta_E"], range(4, 6), clean[0], None, model, folder / "history.csv", {})
    predict_block(model, RECIPE, ["theta_E"], [clean[0], sky[0]], *paths.values(), {"code": "f00d"})
    names = {"run": "tuned-none", "method": "none", "recipe": "tuned", "source": "clean", "target": None}
    evaluate_run(*paths.values(), folder / "metrics.csv", **names)
    networks, _ = load_models(model, RECIPE, ["theta_E"], bands=1, pixels=12)
    return {"folder": folder, "networks": networks, "clean": clean[1], "sky": sky[1]}


def normalised(data: dict[str, np.ndarray], part: slice) -> torch.Tensor:
    """Images of a part, normalised with the training part's pixels."""
    train = data["image"][TRAIN]
    return torch.from_numpy((data["image"][part] - train.mean()) / train.std(ddof=1))


def test_predictions_are_of_the_test_part_under_each_statistics(run):
    table = pd.read_parquet(run["folder"] / "predictions.parquet")
    assert table.attrs["fingerprint"] == {"code": "f00d"}
    assert table.attrs["config"]["normalisation"] == "per_domain"
    columns = "domain seed statistics lens parameter unit true predicted seeing signal_to_noise sky_brightness"
    assert list(table.columns) == columns.split()
    groups = table.groupby(["domain", "seed", "statistics"])
    assert set(groups.groups) == set(itertools.product(("clean", "sky"), (4, 5), ("running", "batch", "adabn")))
    for (domain, seed, statistics), rows in groups:
        data, network = run[domain], run["networks"][seed]
        assert list(rows.lens) == list(range(1072, 1112))
        np.testing.assert_allclose(rows.true, data["theta_E"][TEST], rtol=1e-6)
        for name in ("seeing", "signal_to_noise", "sky_brightness"):
            np.testing.assert_array_equal(rows[name], data[name][TEST, 0])
        images = normalised(data, TEST)
        if statistics == "adabn":
            network = inference.adapt_batch_norm(network, normalised(data, TRAIN), 16)
        expected = inference.predict(network, images, 16, batch_statistics=statistics == "batch")
        np.testing.assert_allclose(rows.predicted, expected[:, 0], atol=1e-4, err_msg=f"{domain} {statistics}")
    means = table.groupby("statistics").predicted.mean()
    assert means.nunique() == 3, "the three statistics give three predictions"


def test_predictions_have_units_for_pandas_and_astropy(run):
    path = run["folder"] / "predictions.parquet"
    of_columns = {name: UNITS.get(name, "arcsec") for name in (*CONDITIONS, "true", "predicted")}
    table = pd.read_parquet(path)
    assert table.attrs["units"] == of_columns
    assert table.attrs["parameters"] == {"theta_E": {"units": "arcsec", "long_name": "theta_E"}}
    assert set(table.unit) == {"arcsec"}
    found = Table.read(path)
    assert {name: found[name].unit for name in of_columns} == {name: Unit(unit) for name, unit in of_columns.items()}
    assert found.meta["fingerprint"] == {"code": "f00d"}
    assert found["domain"].tolist() == table.domain.tolist()


def test_values_of_parameters_with_different_units_are_in_that_of_their_row(tmp_path):
    """The column then has none."""
    domain, _ = make_domain(tmp_path, "clean", 20.0)
    targets, files = ["theta_E", "angle"], (tmp_path / "predictions.parquet", tmp_path / "latents.zarr.zip")
    for path in domain.shards:
        shard = store.open_shards([path])
        variables = {
            name: store.Variable(shard.read(name), shard.variable(name).metadata.dimension_names, UNITS.get(name, "1"))
            for name in shard
        }
        variables["angle"] = store.Variable(10 * shard.read("theta_E"), unit="deg")
        store.write_shard(path, variables, {})
    method, model = Method(title="No adaptation", adaptation="none"), tmp_path / "model.safetensors"
    train_block(RECIPE, method, targets, range(1), domain, None, model, tmp_path / "history.csv", {})
    predict_block(model, RECIPE, targets, [domain], *files, {}, statistics=["running"])
    table, found = pd.read_parquet(files[0]), Table.read(files[0])
    assert table.groupby("parameter").unit.unique().map(list).to_dict() == {"theta_E": ["arcsec"], "angle": ["deg"]}
    assert (found["true"].unit, found["seeing"].unit) == (None, Unit("arcsec"))
    assert "true" not in table.attrs["units"]


def test_latents_are_of_the_first_seed_with_batch_statistics(run):
    shards = store.open_shards([run["folder"] / "latents.zarr.zip"])
    assert len(shards) == 40
    np.testing.assert_array_equal(shards.read("lens_sky"), np.arange(1072, 1112))
    np.testing.assert_allclose(shards.read("theta_E_clean"), run["clean"]["theta_E"][TEST], rtol=1e-6)
    with torch.no_grad():
        expected = copy.deepcopy(run["networks"][4]).train().features(normalised(run["sky"], TEST)[:16])
    np.testing.assert_allclose(shards.read("latent_sky", 0, 16), expected, atol=1e-4)


def test_run_metrics_file(run):
    table = read_metrics(run["folder"] / "metrics.csv")
    assert list(table.columns) == RUN_COLUMNS
    assert set(table.target) == {""}
    assert set(table.method) == {"none"}
    predictions = pd.read_parquet(run["folder"] / "predictions.parquet")
    rows = predictions.query("domain == 'sky' and seed == 5 and statistics == 'adabn'")
    value = table.query("domain == 'sky' and seed == 5 and statistics == 'adabn' and metric == 'r2'").value.item()
    assert value == r2_score(rows.true.astype(float), rows.predicted.astype(float)), "numbers survive the file exactly"
    distances = table[table.metric.isin(["mmd", "proxy_a_distance"])]
    assert distances[["seed", "domain", "statistics"]].drop_duplicates().values.tolist() == [[4, "sky", "batch"]]
    assert len(distances) == 2


def test_latent_view_is_reproducible(run):
    path = run["folder"] / "latents.zarr.zip"
    view = embed_latents(path, ["clean", "sky"], count=30)
    assert list(view.columns) == ["domain", "lens", "theta_E", "x", "y"]
    assert view.groupby("domain").lens.agg(list).to_dict() == {n: list(range(1072, 1102)) for n in ("clean", "sky")}
    np.testing.assert_allclose(view.theta_E[30:], run["sky"]["theta_E"][72:102], rtol=1e-6)
    pd.testing.assert_frame_equal(view, embed_latents(path, ["clean", "sky"], count=30))
    assert np.ptp(view[["x", "y"]].to_numpy(), axis=0).min() > 0
