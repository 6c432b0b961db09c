"""A figure is added in three places: those that docs/how-to/figure.md shows."""

import os
import re
import shutil
import subprocess
import sys

from tests.unit.report.files import ROOT

BLOCK = re.compile(r"```\w+\n# (file|end of|in): (\S+)\n(.*?)```", re.DOTALL)
PROGRAM = """
from pathlib import Path
import sim2sky
from sim2sky.paths import Paths
from sim2sky.report.figures import style
from sim2sky.report.figures.draw import draw_figures
from sim2sky.report.results import Results
from tests.unit.report.adaptation_results import make_results, small_study
from tests.unit.report.files import Made, inputs_of, outputs_of, page

folder = Path("made")
study, paths = small_study(), Paths(str(folder))
make_results("toy", study, paths)
inputs = {"history": inputs_of(study, paths)["history"]}
figures = {name: path for name, path in outputs_of(study, paths).items() if name.startswith("learning_rate")}
style.DPI = 40
draw_figures(study, inputs, figures)
text = page(Made(study, paths, Results(study, inputs), figures), folder / "report.html")
print(Path(sim2sky.__file__).parent, len(figures), text.count("The learning rate of the first seed"))
"""


def test_three_places_are_enough(tmp_path):
    for name in ("workflow", "config", "resources", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.pth"))
    blocks = BLOCK.findall((ROOT / "docs/how-to/figure.md").read_text())
    assert len({path for _, path, _ in blocks}) == len(blocks) == 3
    for how, path, text in blocks:
        file = tmp_path / path
        before = file.read_text() if file.exists() else ""
        if how == "in":
            key = text.split(" = ")[0]
            before, text = re.sub(rf"^{key} = .*\n", text, before, flags=re.MULTILINE), ""
        file.write_text(before + ("\n\n" if how == "end of" else "") + text)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path / 'workflow/src'}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    package, drawn, shown = done.stdout.splitlines()[-1].split()
    assert package == str(tmp_path / "workflow/src/sim2sky")
    assert int(drawn) == int(shown) == 2
