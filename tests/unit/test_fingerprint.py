"""A fingerprint changes with the code that a script uses, and with nothing else."""

import ast
import shutil
from functools import cache
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
    for cached in [*vars(module).values(), registry._registered_nodes]:
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    return {script.stem: module.fingerprint(str(script), **used) for script in SCRIPTS.glob("*.py")}


@cache
def unedited(**used):
    """Fingerprints before any edit, which all tests share; to be called first."""
    return prints(**used)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_comment_and_docstring_do_not_matter(package):
    before = unedited()
    edit(package / "streams.py", '"""Random streams', '"""Streams of random numbers')
    edit(package / "streams.py", "import numpy as np", "import numpy as np  # a comment")
    assert not changed(before, prints())


class Reworded(ast.NodeTransformer):
    """What exceptions say, in other words."""

    def visit_Raise(self, node):
        if isinstance(node.exc, ast.Call):
            node.exc.args = [ast.Constant("other words")]
        return node


def test_errors_in_other_words_and_another_layout_do_not_matter(package):
    before = unedited()
    for path in package.rglob("*.py"):
        path.write_text(ast.unparse(Reworded().visit(ast.parse(path.read_text()))))
    assert not changed(before, prints())


def test_text_and_checks_of_the_configuration_do_not_matter(package):
    before = unedited()
    edit(package / "config/observe.py", '"fraction for training"', '"part for training"')
    edit(package / "config/observe.py", "> 1e-9", "> 1e-8")
    edit(package / "config/networks.py", "or value < 1)", "or value < 2)")
    edit(package / "config/base.py", "cutoff=0.4", "cutoff=0.5")
    assert not changed(before, prints())


@pytest.mark.parametrize(
    ("file", "old", "new", "entry", "used_by"),
    [
        ("observe.py", "round(lenses * self.train)", "int(lenses * self.train)", "Split.bounds", "inject_noise"),
        ("train.py", 'if key != "weights"', 'if key != "head"', "Recipe.trained_options", "train predict"),
        ("train.py", "self.devices * self.nodes", "self.nodes * self.devices", "Recipe.processes", "train"),
        (
            "cosmosim.py",
            "self.downscale or (",
            "self.downscale or 0 or (",
            "CosmosimSimulation.pixels",
            "simulate_shard",
        ),
        ("study.py", "recipe.model_dump(), self", "recipe.params(), self", "Study.recipe_of", "aggregate_metrics"),
        (
            "simulate.py",
            "validate_python(params)",
            "validate_python(dict(params))",
            "read_simulation",
            "simulate_shard",
        ),
        ("base.py", "return base | {", "return {**base} | {", "merge", "cross_validate"),
        ("base.py", "reversed(dotted", "list(dotted", "nested", "cross_validate"),
        ("study.py", '"mean"  #', '"average"  #', "MEAN_PARAMETER", "evaluate_run aggregate_metrics"),
    ],
)
def test_what_jobs_take_from_the_configuration_matters_to_them(package, file, old, new, entry, used_by):
    before = unedited()
    edit(package / "config" / file, old, new)
    after = prints()
    for script in used_by.split():
        entries = {name for name in after[script] if after[script][name] != before[script].get(name)}
        assert entries == {f"sim2sky.config:{entry}"}
    assert not {"fetch_weights", "centre_crop", "compare_degenerate"} & changed(before, after)


def test_modules_of_the_configuration_are_no_part_of_any_fingerprint():
    for script, parts in prints().items():
        assert not [name for name in parts if name.startswith("sim2sky.config.") or name == "sim2sky.config"], script


def test_names_in_the_configuration_are_unique():
    """A fingerprint finds them by name alone."""
    seen = {}
    for path in (module.PACKAGE / "config").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                assert node.name not in seen, f"{node.name}: in {seen[node.name]} and {path.name}"
                seen[node.name] = path.name


# Attributes of other objects that are called as something of the configuration is.
NAMESAKES = {
    "bands": "of a data set, in its attributes",
    "bounds": "of a domain, or another one's of the configuration",
    "distribution": "of a parameter of the population",
    "parameters": "of a torch module",
    "domains": "of a network file",
    "params": "of Snakemake",
    "pixels": "of options",
    "shards": "of a domain",
    "variance": "of an ensemble",
    "side": "of the piece of an image that is read",
}


def test_nothing_that_a_job_takes_from_the_configuration_is_missed():
    """Every value-giving definition that counted code of any rule names, with the classes that it imports left aside."""
    defined = {called: name for name in module._configuration() for _, called in module._members(name).items()}
    for script, parts in prints().items():
        codes = [module._definition(part) if ":" in part else module._module(part) for part in parts if "/" not in part]
        codes.append(module.Code.of(module._statements(SCRIPTS / f"{script}.py")))
        attributes = {f".{name}" for code in codes for name in code.attributes}
        imported = {item.rsplit(".", 1)[1] for code in codes for item in code.imports if ".config." in item}
        counted = {part.partition(":")[2].rpartition(".")[2] for part in parts if ":" in part}
        for called in (attributes | imported) & defined.keys():
            name = called.lstrip(".")
            assert name in counted or name in NAMESAKES, f"{script} names {name} of the configuration"


def test_noise_formula_matters_to_the_noise_rule_alone(package):
    before = unedited()
    path = package / "observe/noise.py"
    path.write_text(path.read_text() + "\nCHANGED = True\n")
    assert changed(before, prints()) == {
        "inject_noise",
        "bound_errors",
        "draw_figures",
    }  # a figure holds the formulas against the real sky


def test_renderer_matters_to_what_renders_alone(package):
    before = unedited()
    path = package / "lensing/mass.py"
    path.write_text(path.read_text() + "\nCHANGED = True\n")
    assert changed(before, prints()) == {"simulate_shard", "bound_errors", "compare_degenerate", "reconstruct"}


def test_new_adaptation_method_matters_to_training(package):
    before = unedited()
    path = package / "adapt/mmd.py"
    path.write_text(path.read_text() + "\nCHANGED = True\n")
    assert "train" in changed(before, prints())
    assert not {"simulate_shard", "inject_noise", "draw_figures"} & changed(before, prints())


def test_only_what_is_used_of_the_registered_matters(package):
    used = {"adapt": frozenset({"dann"}), "models": frozenset({"lens_cnn"}), "losses": frozenset({"mse"})}
    before = unedited(**used)
    assert not {"sim2sky.losses.flow", "sim2sky.losses.gaussian"} & (before["train"].keys() | before["predict"].keys())
    assert {"sim2sky.losses.pointwise", "sim2sky.adapt.dann", "sim2sky.models.lens_cnn", "scripts/train.py"} <= before[
        "train"
    ].keys()
    assert "sim2sky.adapt.mmd" not in before["train"]
    (package / "adapt/coral.py").write_text("@register_adaptation\nclass coral:\n    pass\n")
    edit(package / "adapt/__init__.py", "import dann, mmd", "import coral, dann, mmd")
    edit(package / "adapt/mmd.py", "n = len(source)", "n = len(source) + 0")
    edit(package / "losses/flow.py", "CONTEXT = 16", "CONTEXT = 17")
    assert not changed(before, prints(**used))
    edit(package / "adapt/registry.py", "\n\n", "\n\nCHANGED = True\n")
    assert "train" in changed(before, prints(**used))


def test_engines_do_not_matter_to_each_other(package):
    engines = [{"simulate": frozenset({name})} for name in ("galaxy", "cosmosim")]
    before = [unedited(**used)["simulate_shard"] for used in engines]
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
    before, before_large = unedited(**small), unedited(**large)
    assert not {"sim2sky.models.torchvision_networks", "sim2sky.models.imagenet"} & before["train"].keys()
    assert {"sim2sky.models.torchvision_networks", "sim2sky.models.imagenet"} <= before_large["train"].keys()
    assert "sim2sky.models.lens_cnn" not in before_large["train"]
    edit(package / "models/torchvision_networks.py", "AUXILIARY_FROM = 299", "AUXILIARY_FROM = 300")
    assert changed(before, prints(**small)) <= {"fetch_weights"}
    assert "train" in changed(before_large, prints(**large))


def test_a_template_counts_as_part_of_the_module_that_names_it(package):
    before = unedited()
    (package / "report/page/report.html").write_text("<html></html>")
    assert changed(before, prints()) == {"write_report"}


def test_a_digest_is_of_all_modules():
    assert module.digest({"a": "1", "b": "2"}) == module.digest({"b": "2", "a": "1"}) != module.digest({"a": "1"})


@pytest.mark.parametrize(
    ("one", "other"),
    [("def f(*, a=1, b): pass", "def f(*, a, b=1): pass"), ("x = {**a, 'k': b}", "x = {'k': a, **b}")],
)
def test_what_is_missing_counts_by_its_place(one, other):
    assert module.Code.of(ast.parse(one).body).digest != module.Code.of(ast.parse(other).body).digest


def test_nothing_that_jobs_use_takes_the_configuration_as_a_whole_or_by_another_name():
    """Fingerprints find what is taken from it by its own name."""
    for path in [*module.PACKAGE.rglob("*.py"), *(ROOT / "workflow/scripts").glob("*.py")]:
        if {"config", "tools"} & set(path.relative_to(ROOT).parts[:-1]):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sim2sky.config"):
                assert not any(alias.asname for alias in node.names), path
            if isinstance(node, ast.ImportFrom) and node.module == "sim2sky":
                assert "config" not in {alias.name for alias in node.names}, path
