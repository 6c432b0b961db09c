"""Every parameter that a study can regress has a symbol, and the unit that its shards state."""

from __future__ import annotations

import re

import pytest
import yaml
from matplotlib.mathtext import MathTextParser

from sim2sky.config import Study
from sim2sky.report import symbols
from tests.unit.report.adaptation_results import ROOT, small_study
from tests.unit.report.regression_results import regression_study


def study_of(simulation):
    return small_study().model_copy(update={"simulations": {"lenses": simulation}})


def simulations():
    """One of each engine, with all parameters that it can have."""
    (galaxy,) = small_study().simulations.values()
    raw = yaml.safe_load((ROOT / "config/studies/reconstruct.yaml").read_text())
    cosmosim = next(iter(Study.model_validate(raw).simulations.values()))
    sie = type(cosmosim).model_validate(cosmosim.model_dump() | {"lens": "sie", "amplitudes": 3})
    return [galaxy.model_copy(update={"bands": ["g", "r-wide"]}), sie]


PARAMETERS = [(study_of(item), name, unit) for item in simulations() for name, unit in item.parameters.items()]


@pytest.mark.parametrize(("study", "parameter", "unit"), PARAMETERS, ids=[name for _, name, _ in PARAMETERS])
def test_every_parameter_has_a_symbol_and_the_unit_of_its_simulation(study, parameter, unit):
    assert symbols.latex(parameter) is not None
    MathTextParser("agg").parse(symbols.axis_label(study, parameter, "true"))
    shown = "" if unit in ("1", "pixel^0") else unit
    assert symbols.unit(study, parameter) == shown
    assert ("[" in symbols.axis_label(study, parameter)) is bool(shown)
    written = symbols.html(f"a {symbols.text_symbol(parameter)}: 1")
    assert not re.search(r"[_^\\{]", written), written


def test_symbols_differ():
    names = {name for _, name, _ in PARAMETERS}
    assert (
        len({symbols.latex(name) for name in names}) == len({symbols.text_symbol(name) for name in names}) == len(names)
    )


def test_polar_targets_have_units():
    study = study_of(simulations()[1])
    assert symbols.axis_label(study, "r", "error of") == "error of $r$ [pixel]"
    assert symbols.axis_label(study, "phi") == r"$\phi$ [deg]"


def test_what_is_no_parameter_stays_as_it_is():
    assert symbols.symbol("mean") == symbols.text_symbol("mean") == "mean"
    assert symbols.unit(regression_study(), "mean") == ""
    for text in ("vgg19_bn-imagenet", "des_sky", "paper-none", "matched_lr", "squeezenet1_1-extra_layers"):
        assert symbols.html(text) == text
    assert symbols.html("θ_E < R_E/χ") == "<i>θ</i><sub>E</sub> &lt; <i>R</i><sub>E</sub>/χ"
