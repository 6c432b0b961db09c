"""Results that were made from other real images, or from images read otherwise, than there are now, by what they say of themselves."""

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from sim2sky import store
from sim2sky.config import Study, merge
from sim2sky.config.unlabelled import frame_of
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import write_networks
from sim2sky.provenance.checksums import key_of_images
from sim2sky.provenance.figures import png_text
from sim2sky.provenance.stale import images_made_with, stale, stale_figure, stale_shard
from tests.unit.provenance.test_stale import DES, STUDY, origin

RUN = "tuned-mmd-sky"
KEY = key_of_images("real")
CHANGES = [
    ({"datasets": {"real": {"images": {"zero_point": 31}}}}, {}, "datasets.real.images.zero_point: 30.0 -> 31.0"),
    ({"datasets": {"real": {"images": {"hdu": "SCI"}}}}, {}, "datasets.real.images.hdu: "),
    ({"datasets": {"real": {"images": {"lenses": 40}}}}, {}, "lenses of real"),
    ({"datasets": {"des": {"zero_point": 27}}}, {}, "frame of real.zero_points"),
    ({"datasets": {"des": {"seed": 9}}}, {}, None),
    ({"datasets": {"real": {"title": "Other", "images": {"shard_size": 7, "folder": "renamed"}}}}, {}, None),
    ({}, {KEY: "beef"}, "files of real: 'f00d' -> 'beef'"),
    ({}, {KEY: "f00d"}, None),
]


def adapted(**change) -> Study:
    """The shipped study, one run of which adapts to real images."""
    real = {"title": "Real", "images": {"folder": "mine", "like": "des", "lenses": 50, "zero_point": 30}}
    raw = merge(STUDY.model_dump(mode="json"), {"datasets": {"real": real}, "runs": {RUN: {"target": "real"}}})
    return Study.model_validate(merge(raw, change))


def of_real(study: Study) -> dict:
    return {"images": study.datasets["real"].images.reading_params, "frame": frame_of(*study.observed("real"), DES)}


@pytest.mark.parametrize(("change", "sums", "words"), CHANGES)
def test_networks_adapted_to_other_images_are_stale(tmp_path, change, sums, words):
    study, model = adapted(), tmp_path / "model.safetensors"
    like, simulation = study.observed("real")
    target = {"name": "real", "bounds": like.split.bounds(simulation.lenses), "all_files": "f00d"} | of_real(study)
    config = {"targets": study.targets, "recipe": study.recipe_of(RUN).params(), "worst_fraction": None}
    about = {"config": config | {"method": study.methods["mmd"].params()}, "fingerprint": {}}
    about["domains"] = {"source": origin("noise_free"), "target": target}
    write_networks(model, {0: {"weight": torch.ones(1)}}, LabelEncoding(study.targets), about)
    found = stale({(RUN, "0-0"): model}, adapted(**change), RUN, "0-0", {"des": DES}, sums)
    assert [text for text in found if words and text.startswith(words)] if words else found == []


def test_a_shard_of_images_that_were_read_otherwise_is_stale(tmp_path):
    study, path = adapted(), tmp_path / "shard.zarr.zip"
    about = {"config": of_real(study) | {"files": "that of this shard"}, "fingerprint": {}}
    store.write_shard(path, {"lens": store.Variable(np.arange(2))}, about)
    assert stale_shard(path, study, "real", {"des": DES}, {KEY: "f00d"}) == []
    changed = adapted(datasets={"real": {"images": {"resample": True}}})
    assert stale_shard(path, changed, "real") == ["datasets.real.images.resample: False -> True"]


def test_figures_of_other_images_are_stale(tmp_path):
    study, path, info = adapted(), tmp_path / "figure.png", PngImagePlugin.PngInfo()
    for key, text in png_text(study, {}, {}, {KEY: "f00d"}).items():
        info.add_text(key, text)
    Image.new("L", (2, 2)).save(path, pnginfo=info)
    assert images_made_with({}, {KEY: "f00d"})["cutouts"] == {KEY: "f00d"}
    assert stale_figure(path, study, {}, {KEY: "f00d"}) == []
    assert stale_figure(path, study, {}, {KEY: "beef"}) == [f"{KEY}: 'f00d' -> 'beef'"]
