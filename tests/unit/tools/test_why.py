"""Reasons for a rerun, from Snakemake's own words to keys, modules and files."""

import pytest
from snakemake.persistence import ParamsChange

from sim2sky.tools.dryrun import planned_records
from sim2sky.tools.why import NO_RECORD, causes

CODE = {"scripts/train.py": "0", "sim2sky.train.loop": "1"}
TRAINING = {"recipe": {"epochs": 30, "optimiser": {"lr": 1e-3}}, "targets": ["theta_E"]}


def reason(old, new):
    """As Snakemake words it; the order in its sets is arbitrary."""
    change = ParamsChange(only_old=set(map(repr, old)), only_new=set(map(repr, new)))
    return f"Params have changed since last execution: {change}"


def test_changed_params_are_paired_and_named():
    new = {"recipe": {"epochs": 20, "optimiser": {"lr": 1e-3}}, "targets": ["theta_E"]}
    text = reason([CODE, TRAINING], [CODE | {"sim2sky.train.loop": "2"}, new])
    assert set(causes(text, [], {})) == {"code: sim2sky.train.loop", "configuration: recipe.epochs: 30 -> 20"}


def test_words_of_snakemake_inside_a_value_do_not_confuse():
    old, new = ({"text": text, "more": 1} for text in ("before: 1 now: 2 ", "now: 'x'; y"))
    assert causes(reason([old], [new]), [], {}) == ["configuration: text: 'before: 1 now: 2 ' -> \"now: 'x'; y\""]


def test_a_single_value_and_a_value_that_was_not_there():
    assert causes(reason([200], [400]), [], {}) == ["configuration: 200 -> 400"]
    assert causes(reason([], [400]), [], {}) == ["configuration: (not there) -> 400"]


def test_files_and_earlier_jobs():
    text = "Missing output files: a; Updated input files: cube.fits; Input files updated by another job: x, y"
    found = causes(text, ["x", "y", "z"], {"x": "inject_noise", "y": "inject_noise", "b": "adapt"})
    assert found == ["not there yet: a", "newer than the result: cube.fits", "after inject_noise"]


def test_results_without_a_record_are_explained_by_what_they_say_of_themselves():
    found = causes("Forced execution", [], {}, ["configuration: recipe.epochs: 2 -> 400"])
    assert found == [NO_RECORD, "configuration: recipe.epochs: 2 -> 400"]
    assert causes("Forced execution", [], {}) == ["asked for by --force or --forcerun"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--configfile", "nowhere.yaml"], "No such file or directory: 'nowhere.yaml'"),
        (["--config", "nonsense"], "name=value pairs"),
    ],
)
def test_a_mistake_in_an_argument_is_told_without_a_traceback(arguments, words):
    with pytest.raises(RuntimeError) as error:
        planned_records(arguments)
    assert words in str(error.value)
    assert "Traceback" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1
