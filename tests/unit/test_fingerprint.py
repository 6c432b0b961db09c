"""A fingerprint changes with the code that a script uses, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from sim2sky import fingerprint as module
from sim2sky import registry

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the library that a test may edit."""
    copy = tmp_path / "sim2sky"
    shutil.copytree(module.PACKAGE, copy)
    monkeypatch.setattr(module, "PACKAGE", copy)
    return copy


def prints(**used):
    for cached in (module.fingerprint, module._code, module._module_hash, registry._registered_nodes):
        cached.cache_clear()
    return {script.stem: module.fingerprint(str(script), **used) for script in SCRIPTS.glob("*.py")}


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_comment_and_docstring_do_not_matter(package):
    before = prints()
    edit(package / "streams.py", '"""Random streams', '"""Streams of random numbers')
    edit(package / "streams.py", "import numpy as np", "import numpy as np  # a comment")
    assert not changed(before, prints())


def test_noise_formula_matters_to_the_noise_rule_alone(package):
    before = prints()
    path = package / "observe/noise.py"
    path.write_text(path.read_text() + "\nCHANGED = True\n")
    assert changed(before, prints()) == {
        "inject_noise",
        "draw_figures",
    }  # a figure holds the formulas against the real sky


def test_renderer_matters_to_what_renders_alone(package):
    before = prints()
    path = package / "lensing/mass.py"
    path.write_text(path.read_text() + "\nCHANGED = True\n")
    assert changed(before, prints()) == {"simulate_shard", "compare_degenerate", "reconstruct"}


def test_new_adaptation_method_matters_to_training(package):
    before = prints()
    path = package / "adapt/mmd.py"
    path.write_text(path.read_text() + "\nCHANGED = True\n")
    assert "train" in changed(before, prints())
    assert not {"simulate_shard", "inject_noise", "draw_figures"} & changed(before, prints())


def test_only_what_is_used_of_the_registered_matters(package):
    used = {"adapt": frozenset({"dann"}), "models": frozenset({"lens_cnn"})}
    before = prints(**used)
    assert {"sim2sky.adapt.dann", "sim2sky.models.lens_cnn", "scripts/train.py"} <= before["train"].keys()
    assert "sim2sky.adapt.mmd" not in before["train"]
    (package / "adapt/coral.py").write_text("@register_adaptation\nclass coral:\n    pass\n")
    edit(package / "adapt/__init__.py", "import dann, mmd", "import coral, dann, mmd")
    edit(package / "adapt/mmd.py", "n = len(source)", "n = len(source) + 0")
    assert not changed(before, prints(**used))
    edit(package / "adapt/registry.py", "\n\n", "\n\nCHANGED = True\n")
    assert "train" in changed(before, prints(**used))


def test_engines_do_not_matter_to_each_other(package):
    engines = [{"simulate": frozenset({name})} for name in ("galaxy", "cosmosim")]
    before = [prints(**used)["simulate_shard"] for used in engines]
    edit(package / "lensing/reach.py", "BLOCK = 8", "BLOCK = 4 * 2")
    edit(package / "cosmosim.py", "0.4 - 0.05", "0.4 - 0.06")
    after = [prints(**used)["simulate_shard"] for used in engines]
    assert after[0] == before[0]
    assert {name for name in before[1] if after[1][name] != before[1][name]} == {
        "sim2sky.cosmosim",
        "sim2sky.lensing.reach",
    }


def test_networks_registered_in_a_mapping_matter_to_those_who_use_one(package):
    small, large = {"models": frozenset({"lens_cnn"})}, {"models": frozenset({"vit_b_16"})}
    before, before_large = prints(**small), prints(**large)
    assert not {"sim2sky.models.torchvision_networks", "sim2sky.models.imagenet"} & before["train"].keys()
    assert {"sim2sky.models.torchvision_networks", "sim2sky.models.imagenet"} <= before_large["train"].keys()
    assert "sim2sky.models.lens_cnn" not in before_large["train"]
    edit(package / "models/torchvision_networks.py", "AUXILIARY_FROM = 299", "AUXILIARY_FROM = 300")
    assert changed(before, prints(**small)) <= {"fetch_weights"}
    assert "train" in changed(before_large, prints(**large))


def test_a_template_counts_as_part_of_the_module_that_names_it(package):
    before = prints()
    (package / "report/page/report.html").write_text("<html></html>")
    assert changed(before, prints()) == {"write_report"}


def test_a_digest_is_of_all_modules():
    assert module.digest({"a": "1", "b": "2"}) == module.digest({"b": "2", "a": "1"}) != module.digest({"a": "1"})
