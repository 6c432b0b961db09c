"""A fingerprint changes with the code that a script uses, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from sim2sky import fingerprint as module

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the library that a test may edit."""
    copy = tmp_path / "sim2sky"
    shutil.copytree(module.PACKAGE, copy)
    monkeypatch.setattr(module, "PACKAGE", copy)
    return copy


def prints():
    for cached in (module.fingerprint, module._tree, module._tree_hash):
        cached.cache_clear()
    return {script.stem: module.fingerprint(str(script)) for script in SCRIPTS.glob("*.py")}


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


def test_renderer_matters_to_the_simulation_alone(package):
    before = prints()
    path = package / "lensing/mass.py"
    path.write_text(path.read_text() + "\nCHANGED = True\n")
    assert changed(before, prints()) == {"simulate_shard"}


def test_new_adaptation_method_matters_to_training(package):
    before = prints()
    path = package / "adapt/mmd.py"
    path.write_text(path.read_text() + "\nCHANGED = True\n")
    assert "train" in changed(before, prints())
    assert not {"simulate_shard", "inject_noise", "draw_figures"} & changed(before, prints())
