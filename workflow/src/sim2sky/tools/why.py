"""Say, for every job that Snakemake would run, which configuration key, module or file is the reason.

``sim2sky why``, with further arguments of Snakemake if wanted (``make why``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim2sky.provenance.differences import differences
from sim2sky.tools.dryrun import planned_records

NOTHING = "Nothing to be done: every result is that of the present configuration, code and files."
PARAMS = "Params have changed since last execution: "
BEFORE = re.compile(r"before: (.*)$", re.DOTALL)
NO_RECORD = "without a record of Snakemake, such as a copied result; by its own provenance:"
NONE = "<nothing exclusive>"  # Snakemake's word where no value is gone, or none is new
EXAMPLES = 3  # jobs that are named where the jobs of a rule have different reasons
SIMPLE = {
    "Set of input files has changed since last execution": "other input files than before",
    "Code has changed since last execution": "the script has changed",
    "Software environment definition has changed since last execution": "another software environment",
    "Forced execution": "asked for by --force or --forcerun",
}


def causes(
    reason: str, inputs: Sequence[str], made_by: Mapping[str, str], made_otherwise: Sequence[str] = ()
) -> list[str]:
    """Snakemake's reason for a job, in terms of the project.

    Parameters
    ----------
    reason : str
        As Snakemake prints it.
    inputs : sequence of str
        Input files of the job.
    made_by : mapping of str to str
        Files that planned jobs will make, with the name of their rule.
    made_otherwise : sequence of str
        What results without a record say of themselves that is otherwise now.

    Returns
    -------
    list of str
        Such as ``configuration: recipe.epochs: 30 -> 20`` and ``code: sim2sky.train.loop``.
    """
    if made_otherwise:  # for which the workflow forces the job
        return [NO_RECORD, *made_otherwise]
    found = []
    files, _, params = reason.partition(PARAMS)
    for part in filter(None, files.rstrip("; ").split("; ")):
        what, _, names = part.partition(": ")
        if what == "Missing output files":
            found.append(f"not there yet: {names}")
        elif what == "Incomplete output files":
            found.append(f"left incomplete: {names}")
        elif what == "Updated input files":
            found.append(f"newer than the result: {names}")
        elif what == "Input files updated by another job":
            rules = dict.fromkeys(made_by[path] for path in inputs if path in made_by)
            found.append(f"after {', '.join(rules)}")
        else:
            found.append(SIMPLE.get(part, part))
    return found + list(_changes_of_params(params))


def _changes_of_params(text: str) -> Iterator[str]:
    """What changed between the values that Snakemake lists as gone and those that it lists as new, which have no names."""
    for software in [text for text in SIMPLE if "Software" in text]:
        if text.strip().endswith(software):
            text = text.strip().removesuffix(software).rstrip("; ")
            yield SIMPLE[software]
    match = BEFORE.search(text)
    if not match:
        return
    for split in re.finditer(" now: ", match[1]):
        try:
            old, new = _values(match[1][: split.start()]), _values(match[1][split.end() :])
        except (SyntaxError, ValueError):
            continue  # these words were inside a value
        yield from _paired(old, new)
        return
    yield f"params: {text.strip()}"


def _values(text: str) -> list[Any]:
    return [] if text.strip() == NONE else list(ast.literal_eval(f"[{text}]"))


def _paired(old: list[Any], new: list[Any]) -> Iterator[str]:
    """Changes between the values of `old` and those of `new` that have most keys in common with them."""
    for value in new:
        mappings = [other for other in old if isinstance(other, dict)] if isinstance(value, dict) else []
        if not mappings:
            others = [other for other in old if not isinstance(other, dict)]
            before = repr(others[0]) if len(others) == 1 else "(not there)"
            yield f"configuration: {before} -> {value!r}"
            continue
        nearest = max(mappings, key=lambda other: len(other.keys() & value.keys()))
        if any(name.startswith("scripts/") for name in value):
            yield from (f"code: {name}" for name in sorted(_changed_modules(nearest, value)))
        else:
            yield from (f"configuration: {text}" for text in differences(nearest, value))


def _changed_modules(old: Mapping[str, str], new: Mapping[str, str]) -> set[str]:
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def explain(arguments: Sequence[str] = ()) -> str:
    """The jobs that Snakemake would run, by rule, each with its reasons.

    Raises
    ------
    RuntimeError
        The dry-run failed; the message says why.
    """
    records = [record for record in planned_records(arguments) if record.output]
    made_by = {str(path): record.rule_name for record in records for path in record.output}
    jobs: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for record in records:
        why = tuple(causes(record.reason, list(map(str, record.input)), made_by, record.made_otherwise))
        if record.reason.startswith("Missing output files"):
            why = tuple(cause.partition(":")[0] if cause.startswith("not there yet") else cause for cause in why)
        wildcards = "/".join(map(str, dict(record.wildcards or {}).values()))
        jobs.setdefault(record.rule_name, {}).setdefault(why, []).append(wildcards)
    lines = []
    for rule, reasons in jobs.items():
        for why, which in reasons.items():
            shown = ", ".join(which[:EXAMPLES]) + (", ..." if len(which) > EXAMPLES else "")
            count = f"{len(which)} job{'s' * (len(which) > 1)}"
            lines.append(f"{rule}: {count}{': ' + shown if any(which) else ''}")
            lines += [f"    {cause}" for cause in why]
    return "\n".join(lines) or NOTHING
