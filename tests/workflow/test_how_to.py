"""The recipes of docs/how-to, put into a copy of the project as they are printed and run."""

import re
import shlex
from pathlib import Path

import pytest

from tests import pages

DOCS = Path(__file__).parents[2] / "docs/how-to"
BLOCK = re.compile(r"```\w+\n# (file|end of file): (\S+)\n(.*?)```", re.DOTALL)
PLACES = re.compile(r"^\| \[[^]]+\]\((\S+)\) \| (one|two|three):", re.MULTILINE)
NUMBERS = {"one": 1, "two": 2, "three": 3}
# page -> file, text in it and what a reader makes of this text
LINES = {
    "network.md": ("workflow/src/sim2sky/models/__init__.py", "import lens_cnn", "import lens_cnn, wide_cnn"),
    "adaptation-method.md": ("workflow/src/sim2sky/adapt/__init__.py", "import dann", "import coral, dann"),
    "figure.md": ("workflow/src/sim2sky/report/plan.py", '"domain_distance")', '"domain_distance", "biases")'),
}


# to be typed after adding a study
STUDY_COMMANDS = [name for name, path in pages.ELSEWHERE.items() if Path(path).name == Path(__file__).name]


def put(project, page):
    """Do what a page says; returns the names of the files that are new or edited."""
    names = []
    for kind, name, text in BLOCK.findall((DOCS / page).read_text()):
        path = project.folder / name
        assert path.exists() == (kind == "end of file"), name
        path.write_text(path.read_text() + text if path.exists() else text)
        names.append(name)
    if page in LINES:
        project.edit(*LINES[page])
        shown = "".join(text for (name, _), text in pages.fragments().items() if name == "docs/how-to/figure.md")
        assert page != "figure.md" or shown in (project.folder / LINES[page][0]).read_text()
        names.append(LINES[page][0])
    return names


@pytest.mark.slow
def test_a_study_with_new_survey_network_method_and_figure(project):
    places = PLACES.findall((DOCS / "README.md").read_text())
    assert len(places) == 5
    for page, number in places:
        names = put(project, page)
        assert len(names) == NUMBERS[number], f"{page}: {names}"
        assert f"takes {number} place" in (DOCS / page).read_text()
    project.edit("config/studies/seeing.yaml", "network: lens_cnn", "network: wide_cnn")
    coral = "adaptation: coral, weight: 10, options: {scale: 1.0}}"
    assert coral in pages.fragments()["docs/how-to/adaptation-method.md", "methods:"]
    project.edit("config/studies/seeing.yaml", "adaptation: mmd, weight: 1.4}", coral)
    for command in STUDY_COMMANDS:
        result = project.snakemake(*shlex.split(command)[1:])
        assert result.returncode == 0, result.stdout + result.stderr
    summary = (project.folder / "results/evaluate/seeing/summary.csv").read_text()
    assert "hsc_clean" in summary
    assert (project.folder / "results/report/seeing/biases_hsc.png").is_file()
    assert "Bias of every network" in (project.folder / "results/report/report.html").read_text()
