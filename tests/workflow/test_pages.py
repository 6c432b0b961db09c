"""What README.md, CONTRIBUTING.md and docs/how-to print to be typed, typed."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path

import pytest
from astropy.io import fits

from tests import pages
from tests.unit.cosmosim_images import finished as cosmosim_image
from tests.unit.cosmosim_images import simulation_of, write_network
from tests.workflow.conftest import ROOT, Project, write_sky

pytestmark = pytest.mark.slow


class Checkout(Project):
    """A copy of the project with what its Makefile needs, an installed environment included, and few runs."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        for name in ("Makefile", "pyproject.toml", "constraints.txt", ".pre-commit-config.yaml"):
            shutil.copy(ROOT / name, folder)
        (folder / ".venv").mkdir()
        for path in Path(sys.prefix).iterdir():
            (folder / ".venv" / path.name).symlink_to(path)
        for name in (".setup", ".setup-test", ".system"):  # the environment is there
            (folder / ".venv" / name).unlink(missing_ok=True)
            (folder / ".venv" / name).touch()
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        config = folder / "config/config.yaml"
        config.write_text(
            re.sub(r"^studies:\n(?: +.*\n)+", "studies: [einstein_radius]\n", config.read_text(), flags=re.M)
        )

    def type(self, command: str) -> str:
        """What a command prints in a shell of this folder; it must succeed."""
        environment = self.environment | {"PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
        shell = {"shell": True, "executable": "/bin/bash", "capture_output": True, "text": True}
        result = subprocess.run(command, cwd=self.folder, env=environment, **shell)
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        return result.stdout + result.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """With the files that the commands name."""
    checkout, small, large = (
        Checkout(tmp_path_factory.mktemp("checkout")),
        simulation_of(),
        simulation_of(image_pixels=500),
    )
    model = checkout.folder / "results/train/reconstruct/inception_v3/0-0/model.safetensors"
    model.parent.mkdir(parents=True)
    write_network(model, small)
    fits.writeto(checkout.folder / "arc.fits", cosmosim_image(small)[0][::-1])
    fits.writeto(checkout.folder / "IMAGE.fits", cosmosim_image(large)[0][::-1])
    write_sky(checkout.folder / "cutouts.fits")
    return checkout


@pytest.fixture(scope="module")
def planned(checkout):
    """What Snakemake plans, given arguments; asked once for the same."""

    @cache
    def plan(*arguments: str) -> str:
        result = checkout.snakemake(*arguments, "--dry-run", "--quiet", "rules")
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return plan


@pytest.mark.parametrize("command", sorted(pages.RUN))
def test_command(checkout, planned, command):
    program, *arguments = shlex.split(command)
    if program == "snakemake" and set(arguments) & {"-n", "--dry-run"}:
        assert "write_report" in planned(*(each for each in arguments if each not in ("-n", "--dry-run")))
    elif program == "snakemake":
        assert checkout.snakemake(*arguments).returncode == 0
    else:
        assert checkout.type(command) or program == "."
    made = {"sim2sky reconstruct": "arc-reconstructed.png", "sim2sky picture": "mine.zarr.zip"}
    for begin, name in made.items():
        assert not command.startswith(begin) or (checkout.folder / name).is_file()


@pytest.mark.parametrize("command", sorted(pages.DRY_RUN))
def test_command_that_would_take_long(checkout, planned, command):
    """Snakemake plans what the command, or the recipe of its target, would run."""
    if command.startswith("make "):
        recipe = checkout.type(command.replace("make", "make --dry-run", 1))
        (command,) = (line for line in recipe.splitlines() if line.startswith(".venv/bin/snakemake"))
    assert re.search(r"^write_report +1$", planned(*shlex.split(command)[1:]), flags=re.M)


@pytest.mark.parametrize("command", sorted(pages.ONLY_PRINTED_BY_MAKE))
def test_target_of_make_that_is_not_built_here(checkout, command):
    program, target = command.split()
    assert checkout.type(f"{program} --dry-run {target}")


@pytest.mark.parametrize("command", sorted(pages.ASKED_FOR_HELP))
def test_command_that_is_another_one(checkout, command):
    assert "IMAGE" in checkout.type(f"{command} --help")


@pytest.mark.parametrize("python", pages.python(), ids=lambda item: item.page)
def test_python(finished, tmp_path, capsys, python):
    """With results that have the names of the demo's."""
    results = tmp_path / "results"
    shutil.copytree(finished.folder / "results/observe/des", results / "observe/des")
    first, *_ = sorted((results / "observe/des").iterdir())
    block = "results/evaluate/einstein_radius/tuned-none"
    shutil.copytree(finished.folder / block / "0-0", tmp_path / block / "0-1")
    if not python.is_block:
        first.rename(first.with_name("0000000-0001499.zarr.zip"))
    module = python.text.partition(".")[0]
    code = python.text if python.is_block else f"import {module}\nprint({python.text}.theta_E)"
    with contextlib.chdir(tmp_path), warnings.catch_warnings(action="error"):
        exec(compile(code, python.page, "exec"), {})
    assert re.search("arcsec|counts/s", capsys.readouterr().out)


def test_logs_are_where_it_is_said(finished):
    (command,) = (command for command in pages.ELSEWHERE if command.startswith("tail"))
    assert list(finished.folder.glob(re.sub(r"<\w+>", "*", command.split()[-1])))
