"""Nothing that README.md, CONTRIBUTING.md or docs/how-to print to be typed is untested."""

from pathlib import Path

import pytest
import yaml

from sim2sky.config import Dataset, Recipe, read_simulation
from tests import pages

ROOT = Path(__file__).parents[2]
LISTS = (pages.RUN, pages.DRY_RUN, pages.ONLY_PRINTED_BY_MAKE, pages.ASKED_FOR_HELP, pages.ELSEWHERE, pages.NOT_RUN)


def test_it_is_known_of_every_command_how_it_is_tested():
    """Of each in one way, and none that is no longer printed."""
    known = [command for commands in LISTS for command in commands]
    assert len(known) == len(set(known))
    assert pages.commands() == set(known)
    assert all((ROOT / path).is_file() for path in pages.ELSEWHERE.values())


def test_every_block_is_known():
    assert pages.fragments().keys() == pages.FRAGMENTS
    files = [item for item in pages.printed() if item.is_block and pages.FILE.match(item.text)]
    assert {item.page.removeprefix("docs/how-to/") for item in files} == {
        f"{name}.md" for name in ("adaptation-method", "figure", "network", "study", "survey")
    }


def fragment(page):
    """The part of a YAML file that a page shows, with what it leaves out left out."""
    (text,) = (text for (name, _), text in pages.fragments().items() if name == f"docs/how-to/{page}.md")
    return yaml.safe_load(text.replace(", ...}", "}").replace("    ...\n", ""))


def test_recipes():
    for page in ("gpus", "network"):
        needed = {"network": "lens_cnn", "epochs": 1, "batch_size": 8, "optimiser": {"lr": 1e-3}}
        for recipe in fragment(page)["recipes"].values():
            Recipe.model_validate(needed | recipe)


def test_simulation_and_dataset():
    shown = fragment("study")
    simulation = read_simulation(shown["simulations"]["roulettes"])
    assert simulation.pixels == 64 and "alpha_1_0" in simulation.parameters
    assert Dataset.model_validate(shown["datasets"]["clean"]).simulation == "roulettes"


@pytest.mark.parametrize(
    ("page", "file", "new"),
    [("survey", "config/config.yaml", "my_cutouts"), ("interrupted", "profiles/slurm/config.yaml", "slurm-requeue")],
)
def test_lines_that_are_added_to_a_file(page, file, new):
    """They stand beside, or in place of, one that is there."""
    present = yaml.safe_load((ROOT / file).read_text())
    if page == "survey":
        assert fragment(page)["cutouts"].keys() - present["cutouts"] == {new}
    else:
        assert fragment(page) == {new: True} and present[new.replace("requeue", "no-requeue")] is True
