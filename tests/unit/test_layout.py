"""Stages stand side by side: none imports another, and what they share lies beneath them."""

from pathlib import Path

import pytest

import sim2sky
from sim2sky.fingerprint import Code, _statements

PACKAGE = Path(sim2sky.__file__).parent
STAGES = ("simulate", "observe", "train", "evaluate", "measure", "report")
SCRIPTS = sorted((PACKAGE.parents[1] / "scripts").glob("*.py"))
BENEATH = ("config", "lensing", "data", "losses", "models", "adapt", "provenance")
# The report draws what evaluation names and computes, flags of catalogues, and the formulas of the noise beside the real sky. Measuring reads images.
ALLOWED = {"report": {"evaluate", "measure", "observe"}, "measure": {"observe"}}


@pytest.mark.parametrize("package", [*STAGES, *BENEATH])
def test_no_package_imports_a_stage_beside_or_above_it(package):
    found = {}
    assert (PACKAGE / package / "__init__.py").is_file()
    for path in (PACKAGE / package).rglob("*.py"):
        for name in Code.of(_statements(path)).imports:
            other = name.split(".")[1] if "." in name else ""
            if other in STAGES and other not in {package} | ALLOWED.get(package, set()):
                found.setdefault(str(path.relative_to(PACKAGE)), set()).add(name)
    assert not found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_only_hand_over_what_rules_have(script):
    assert len(script.read_text().splitlines()) <= 20
