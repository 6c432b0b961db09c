"""The files beside the code that other programs read: each of them is valid and agrees with the code."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import sim2sky

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def read(name):
    return yaml.safe_load((ROOT / name).read_text())


def test_citation_is_of_this_version():
    citation = read("CITATION.cff")
    assert (citation["title"], citation["version"]) == (PROJECT["name"], sim2sky.__version__)
    assert citation["license"] == PROJECT["license"]
    assert all({"type", "title", "authors"} <= set(reference) for reference in citation["references"])


def test_citation_names_every_publication_that_the_readme_does():
    listed = (ROOT / "README.md").read_text().split("## Citing")[1]
    references = read("CITATION.cff")["references"]
    assert [item for item in references if item["authors"][0]["family-names"] not in listed] == []
    assert len(references) == 6


def test_catalog_offers_what_the_rules_can_do():
    """Keys and values of https://github.com/snakemake/snakemake-workflow-catalog."""
    usage = read(".snakemake-workflow-catalog.yml")["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    deployment = usage["software-stack-deployment"]
    assert set(deployment) == {"conda", "apptainer", "apptainer+conda"}
    rules = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")])
    assert deployment["conda"] is ("conda:" in rules)
    assert deployment["apptainer"] is ("container:" in rules)
    assert usage["report"] is ("report(" in rules)


def test_pre_commit_can_be_installed(tmp_path, monkeypatch):
    pytest.importorskip("pre_commit")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path))
    check = [sys.executable, "-m", "pre_commit", "validate-config", ROOT / ".pre-commit-config.yaml"]
    result = subprocess.run(check, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_dependency_has_its_version_in_the_constraints():
    pinned = {canonicalize_name(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().split()}
    wanted = [*PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]
    assert {canonicalize_name(Requirement(item).name) for item in wanted} <= pinned
