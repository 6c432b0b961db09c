"""The recipes of docs/how-to, put into a copy of the project as they are printed and run."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs/how-to"
BLOCK = re.compile(r"```\w+\n# file: (\S+)\n(.*?)```", re.DOTALL)


def put(project, page):
    """Write the files that a page shows; returns their names."""
    blocks = BLOCK.findall((DOCS / page).read_text())
    for name, text in blocks:
        (project.folder / name).write_text(text)
    return [name for name, _ in blocks]


@pytest.mark.slow
def test_a_study_with_new_survey_network_and_method(project):
    names = [
        name for page in ("survey.md", "study.md", "network.md", "adaptation-method.md") for name in put(project, page)
    ]
    assert len(names) == 4
    project.edit("workflow/src/sim2sky/models/__init__.py", "import lens_cnn", "import lens_cnn, wide_cnn")
    project.edit("workflow/src/sim2sky/adapt/__init__.py", "import dann", "import coral, dann")
    project.edit("config/studies/seeing.yaml", "network: lens_cnn", "network: wide_cnn")
    project.edit(
        "config/studies/seeing.yaml",
        "adaptation: mmd, weight: 1.4}",
        "adaptation: coral, weight: 10, options: {scale: 1.0}}",
    )
    result = project.snakemake("--config", "studies=[seeing]")
    assert result.returncode == 0, result.stdout + result.stderr
    summary = (project.folder / "results/evaluate/seeing/summary.csv").read_text()
    assert "hsc_clean" in summary
