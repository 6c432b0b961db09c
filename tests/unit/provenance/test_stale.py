"""Results that were made from other survey cutouts, networks or settings than there are now, by what they say of themselves."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image, PngImagePlugin

from sim2sky import store
from sim2sky.config import Study, Survey
from sim2sky.evaluate.predict import write_predictions
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import write_networks
from sim2sky.provenance import record
from sim2sky.provenance.figures import check_figure, png_text
from sim2sky.provenance.networks import networks_provenance
from sim2sky.provenance.stale import images_made_with, stale, stale_figure, stale_predictions, stale_shard, stale_table

ROOT = Path(__file__).parents[3]
STUDY = Study.model_validate(yaml.safe_load((ROOT / "config/studies/einstein_radius.yaml").read_text()))
NOW, BEFORE = {"des_coadd_g": "f00d"}, {"des_coadd_g": "beef"}
CHANGE = "cutouts.des_coadd_g: 'f00d' -> 'beef'"
DES = Survey.model_validate(yaml.safe_load((ROOT / "resources/surveys/des.yaml").read_text()))
SURVEYS = {"des": DES}
NOISIER = {"des": DES.model_copy(update={"read_noise": 70.0})}
NOISE = "surveys.des.read_noise: 7.0 -> 70.0"


def origin(name):
    """What the shards of a dataset say, and which lenses of it a file is of."""
    dataset = STUDY.datasets[name]
    simulation = STUDY.simulations[dataset.simulation]
    made = {"dataset": dataset.params(), "simulated": simulation.params()}
    sky = {"cutouts": {"sha256": "f00d", "hdu": "0"}} if dataset.background else {}
    return {"name": name, "bounds": dataset.split.bounds(simulation.lenses), **made, **sky}


@pytest.fixture
def files(tmp_path):
    """Networks of a run and their predictions, as they are made now; `more` changes what the predictions say."""

    def files(run, **more):
        made, wanted = STUDY.recipe_of(run).params(), STUDY.runs[run]
        about = {"config": {"targets": STUDY.targets, "recipe": made, "seeds": [0]}, "fingerprint": {}}
        about["config"] |= {"method": STUDY.methods[wanted.method].params(), "worst_fraction": None}
        roles = {"source": wanted.source} | ({"target": wanted.target} if wanted.target else {})
        about["domains"] = {role: origin(name) for role, name in roles.items()}
        model, predictions = tmp_path / f"{run}.safetensors", tmp_path / f"{run}.parquet"
        encoding = LabelEncoding(STUDY.targets, STUDY.recipe_of(run).angles)
        write_networks(model, {0: {"weight": torch.ones(1)}}, encoding, about)
        table = pd.DataFrame({"predicted": [1.0]})
        domains = {name: origin(name) for name in wanted.evaluate_on}
        table.attrs = {"config": made, "fingerprint": {}, "targets": STUDY.targets, "statistics": STUDY.statistics}
        table.attrs |= {"networks": networks_provenance(model)["sha256"], "domains": domains} | more
        write_predictions(table, predictions)
        return model, predictions

    return files


def test_networks_adapted_to_another_sky_are_stale(files):
    model, _ = files("tuned-mmd-sky")
    asked = {("tuned-mmd-sky", "0-0"): model}, STUDY, "tuned-mmd-sky", "0-0", {}
    assert stale(*asked, NOW) == stale(*asked) == []
    assert stale(*asked, BEFORE) == [CHANGE]


def test_predictions_of_another_sky_are_stale_though_their_networks_are_not(files):
    model, predictions = files("paper-none")
    assert stale({("paper-none", "0-0"): model}, STUDY, "paper-none", "0-0", {}, BEFORE) == []
    assert stale_predictions(predictions, model, STUDY, "paper-none", {}, NOW) == []
    assert stale_predictions(predictions, model, STUDY, "paper-none", {}, BEFORE) == [CHANGE]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"networks": "another"}, "made by other networks than there are now"),
        ({"statistics": ["batch"]}, "statistics: ['batch'] -> "),
        ({"targets": ["gamma1"]}, "targets: ['gamma1'] -> "),
        ({"domains": ["noise_free", "des"]}, "evaluate_on: ['noise_free', 'des'] -> "),
    ],
)
def test_predictions_made_otherwise_are_stale(files, change, found):
    model, predictions = files("paper-none", **change)
    (text,) = stale_predictions(predictions, model, STUDY, "paper-none", {}, NOW)
    assert text.startswith(found)


def test_shards_of_another_sky_are_stale(tmp_path):
    path = tmp_path / "shard.zarr.zip"
    config = {key: value for key, value in origin("des_sky").items() if key not in ("name", "bounds")}
    store.write_shard(path, {"lens": store.Variable(np.arange(2))}, {"config": config, "fingerprint": {}})
    assert stale_shard(path, STUDY, "des_sky", {}, NOW) == []
    assert stale_shard(path, STUDY, "des_sky", {}, BEFORE) == [CHANGE]


def in_use(survey):
    """With the band that the study sees alone, as rules hand it over."""
    return survey.model_copy(update={"bands": {"g": survey.bands["g"]}})


def table_of(folder, kind, **more):
    table, provenance = folder / "table.csv", folder / "provenance.json"
    table.write_text("a\n1\n")
    record.write_provenance(provenance, [table], record.provenance(STUDY.made_with(kind), {}, **more))
    return provenance, [table], STUDY, kind


@pytest.mark.parametrize(
    ("surveys", "cutouts", "changes"),
    [(SURVEYS, NOW, []), (None, None, []), (NOISIER, NOW, [NOISE]), (SURVEYS, BEFORE, [CHANGE])],
)
def test_tables_and_figures_know_their_surveys_and_their_sky(tmp_path, surveys, cutouts, changes):
    """They are all that is left, where shards and networks were deleted or not copied."""
    made_from = {"des": in_use(DES)}, NOW
    asked = table_of(tmp_path, "metrics", **images_made_with(*made_from))
    assert stale_table(*asked, surveys, cutouts) == changes
    text, figure = PngImagePlugin.PngInfo(), tmp_path / "figure.png"
    for key, value in png_text(STUDY, {}, *made_from).items():
        text.add_text(key, value)
    Image.new("L", (2, 2)).save(figure, pnginfo=text)
    assert stale_figure(figure, STUDY, surveys, cutouts) == changes
    if changes:
        with pytest.raises(ValueError, match=r"figure\.png: made for another configuration"):
            check_figure(figure, STUDY, surveys, cutouts)


def test_tables_of_earlier_versions_that_do_not_know_their_sky_are_stale(tmp_path):
    assert stale_table(*table_of(tmp_path, "metrics"), {}, NOW) == ["cutouts.des_coadd_g: None -> 'f00d'"]


def test_a_cross_validation_knows_its_images(tmp_path):
    name = STUDY.cross_validation.dataset
    survey, noisier = STUDY.datasets[name].survey, NOISIER["des"]
    domain = origin(name) | {"survey": in_use(DES).params()}
    assert stale_table(*table_of(tmp_path, "cross_validation", domain=domain), {survey: DES}) == []
    (change,) = stale_table(*table_of(tmp_path, "cross_validation", domain=domain), {survey: noisier})
    assert change == f"surveys.{survey}.read_noise: 7.0 -> 70.0"
    domain["dataset"] = domain["dataset"] | {"seed": 77}
    (change,) = stale_table(*table_of(tmp_path, "cross_validation", domain=domain))
    assert change.startswith(f"datasets.{name}.seed: 77 -> ")
