"""What README.md, CONTRIBUTING.md and docs/how-to print to be typed, and how each of it is tested.

Commands are the lines of blocks, and what is marked as code in the text and begins with the name of a program. A command, a block of Python or a
fragment of a file that is not listed here fails `tests/unit/test_pages.py`.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/how-to/{path.name}" for path in (ROOT / "docs/how-to").glob("*.md"))]
PROGRAMS = {
    ".", "NVIDIA_TF32_OVERRIDE=0", "cd", "export", "git", "make", "module", "pip", "pytest", "python", "python3", "ruff",
    "sacctmgr", "scancel", "sim2sky", "sinfo", "snakemake", "squeue", "srun", "ssh", "tail", "tmux",
}  # fmt: skip
# Of programs that the text speaks of, not to be typed; `snakemake` is, in README.md
NAMES = {
    "NVIDIA_TF32_OVERRIDE=0", "module load", "pytest", "python -m torch.distributed.run", "scancel", "sim2sky",
    "sim2sky why", "snakemake", "srun",
}  # fmt: skip

# Run as they are printed, in a copy of the project (tests/workflow/test_pages.py)
RUN = {
    ". .venv/bin/activate",
    ".venv/bin/pre-commit install",
    "make help",
    "make plan",
    "make why",
    "sim2sky --help",
    "sim2sky why --profile profiles/demo",
    "sim2sky reconstruct arc.fits --model results/train/reconstruct/inception_v3/0-0/model.safetensors",
    "sim2sky picture IMAGE.fits --pixels 400 --centre subpixel --downscale 64 --output mine.zarr.zip",
    "snakemake --dry-run",
    "snakemake -n",
    "snakemake --unlock",
}
# Run there as they are printed, with an addition -> why
DRY_RUN = {
    "snakemake": "takes weeks",
    "snakemake --config studies=[einstein_radius]": "takes hours",
    "snakemake --config results=elsewhere": "takes weeks",
    "snakemake --profile slurm": "needs a cluster; tests/slurm runs it on one",
    "make demo": "takes minutes; tests/slurm runs the same on a cluster, smaller",
    "make demo CUTOUTS=cutouts.fits": "takes minutes",
    "make demo-all": "takes many minutes",
    "make full": "takes weeks",
}
ONLY_PRINTED_BY_MAKE = {
    "make setup": "installs from the internet",
    "make test": "is what runs this",
    "make test-fast": "is a part of what runs this",
    "make lint": "is a part of `make test`",
    "make docs": "takes minutes; tests/unit/tools/test_reference.py compares what it writes",
    "make docs-site": "tests/workflow/test_docs_site.py builds the site",
}
ASKED_FOR_HELP = {".venv/bin/python -m sim2sky reconstruct": "is the command `sim2sky reconstruct` by another name"}
# Run as they are printed by another test -> which
ELSEWHERE = {
    "snakemake --config studies=[seeing] --dry-run": "tests/workflow/test_how_to.py",
    "snakemake --config studies=[seeing]": "tests/workflow/test_how_to.py",
    "snakemake --report report.zip": "tests/workflow/test_end_to_end.py",
    "sim2sky measure cutouts/": "tests/unit/tools/test_measure.py",
    "sim2sky measure cutouts/ --model results/measure/<study>/<run>/network.safetensors": "tests/unit/tools/test_measure.py",
    "sim2sky measure cutouts/ --resample --centre brightest": "tests/unit/tools/test_measure.py",
    "sim2sky measure cutouts/ --processes 8 --out measured --overwrite": "tests/unit/tools/test_measure.py",
    "sim2sky measure cutouts/ --coolest": "tests/unit/tools/test_measure.py",
    "sim2sky measure list.csv --centre position": "tests/unit/tools/test_measure.py",
    "sim2sky measure des_cutouts_g.fits --zero-point 30 --pixel-scale 0.263": "tests/unit/tools/test_measure.py",
    "sim2sky measure --list-formats": "tests/unit/tools/test_measure.py",
    "python -m sim2sky.tools.stack_psfs resources/psf/my_survey.fits VIS_PSF cutouts/*.fits": "tests/unit/tools/test_stack_psfs.py",
    "sinfo -s": "tests/slurm/test_placement.py",
    'sinfo -o "%P %G %f"': "tests/slurm/test_placement.py",
    'sinfo -o "%P %G"': "tests/slurm/test_placement.py",
    'squeue --me --format "%i %T %M %l %P %k"': "tests/slurm/test_placement.py",
    'squeue --me --format "%i %j %k"': "tests/slurm/test_placement.py",
    "tail -f results/logs/adapt/<study>/<run>/<seeds>.log": "tests/workflow/test_pages.py",
}
NOT_RUN = {
    "ssh idun": "needs that cluster",
    "cd /cluster/work/$USER": "needs that cluster",
    "git clone <this repository> sim2sky && cd sim2sky": "the reader puts in the address",
    "module load Python": "needs that cluster's modules",
    "tmux": "asks for a terminal",
    "sacctmgr show associations user=$USER format=account": "needs a cluster with accounting",
    "scancel 1234 1235": "the jobs are made up; tests/slurm runs the line that is printed",
    "scancel --name <run ID>": "the reader puts in the run ID",
    "python benchmarks/gpu.py": "needs a GPU, and minutes",
}
# page, first line of blocks that are neither commands nor files nor Python: parts of a file (tests/unit/test_pages.py) and a drawing
FRAGMENTS = {
    ("docs/how-to/adaptation-method.md", "methods:"),
    ("docs/how-to/figure.md", 'PER_TARGET = ("scores", "domain_distance", "biases")'),
    ("docs/how-to/gpus.md", "recipes:"),
    ("docs/how-to/interrupted.md", "slurm-requeue: true              # in place of slurm-no-requeue: true"),
    ("docs/how-to/network.md", "recipes:"),
    ("docs/how-to/real-images.md", "datasets:"),
    ("docs/how-to/real-images.md", "images:"),
    ("docs/how-to/study.md", "simulations:"),
    ("docs/how-to/survey.md", "cutouts:"),
    (
        "README.md",
        "population -> simulate -> centre & crop -> observe (noise) -> train / adapt -> predict -> evaluate -> report",
    ),
}
FILE = re.compile(r"# (?:file|end of file): \S+\n")  # put into a copy of the project by tests/workflow/test_how_to.py


class Printed(NamedTuple):
    """Something printed as code, on a page."""

    page: str
    text: str
    is_block: bool
    language: str = ""


@cache
def printed() -> list[Printed]:
    """Blocks, and code inside of text, of all pages."""
    found = []
    for page in PAGES:
        for token in MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text()):
            if token.type in ("fence", "code_block"):
                found.append(Printed(page, token.content, True, token.info))
            found += [
                Printed(page, child.content, False) for child in token.children or [] if child.type == "code_inline"
            ]
    return found


def is_command(line: str) -> bool:
    first = line.split()[0] if line.strip() else ""
    return first in PROGRAMS or first.startswith(".venv/bin/")


def commands() -> set[str]:
    """All that is to be typed into a shell, without comments."""
    found = set()
    for page, text, is_block, language in printed():
        if not is_block:
            found |= (
                {text}
                if is_command(text) and (text not in NAMES or (page, text) == ("README.md", "snakemake"))
                else set()
            )
        elif text.startswith("$ "):  # with what it answers
            found |= {line[2:] for line in text.splitlines() if line.startswith("$ ")}
        elif language == "bash" or (not language and is_command(text)):
            found |= {re.sub(r"\s+#.*", "", line) for line in text.splitlines() if line.strip()}
    return found - {".venv/bin"}


def python() -> list[Printed]:
    """All Python to be typed: blocks, and calls inside of text."""
    return [
        item
        for item in printed()
        if (item.language == "python" if item.is_block else re.match(r"\w+\.\w+\(.+\)$", item.text))
        and not FILE.match(item.text)
    ]


def fragments() -> dict[tuple[str, str], str]:
    """Blocks that are nothing of the above, by page and first line."""
    blocks = [item for item in printed() if item.is_block and not FILE.match(item.text)]
    others = [item for item in blocks if item.language not in ("bash", "python")]
    others = [item for item in others if not is_command(item.text) and not item.text.startswith("$ ")]
    return {(item.page, item.text.splitlines()[0].strip()): item.text for item in others}
