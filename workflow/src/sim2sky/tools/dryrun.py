"""Jobs of a dry-run, as Snakemake itself reports them, without starting another process."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
from collections.abc import Sequence
from typing import Any

_TRACEBACK = "Traceback (most recent call last):"
# Lines of Snakemake's message that tell where rather than what
_PLACE = re.compile(r'Using profile|Using workflow specific profile|  File "|\w+ in file ".*", line \d+:$')


def planned_records(arguments: Sequence[str]) -> list[Any]:
    """Log record of each job that Snakemake would run; nothing but warnings is printed.

    Parameters
    ----------
    arguments : sequence of str
        Of ``snakemake``, for example ``--profile slurm``; the dry-run is added.

    Returns
    -------
    list of logging.LogRecord
        With the attributes that Snakemake adds: ``rule_name``, ``wildcards``, ``input``, ``output``, ``resources``, ``reason``;
        and ``made_otherwise``, what the outputs say of themselves that is otherwise now, if Snakemake has no record of them.

    Raises
    ------
    RuntimeError
        The dry-run failed; the message is Snakemake's.
    """
    from snakemake.cli import args_to_api, parse_args

    jobs: list[Any] = []
    made_otherwise: dict[str, list[str]] = {}

    def keep_jobs(record: logging.LogRecord) -> bool:
        if hasattr(record, "rule_name") and hasattr(record, "reason"):
            jobs.append(record)
        made_otherwise.update(getattr(record, "made_otherwise", {}))  # of workflow/rules/records.smk
        if hasattr(record, "vouched"):
            said.write(f"{record.getMessage()}\n")
        return record.levelno >= logging.WARNING and not hasattr(record, "made_otherwise")

    logger, said = logging.getLogger("snakemake.logging"), io.StringIO()
    logger.addFilter(keep_jobs)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            parser, options = parse_args(["--dry-run", "--nolock", *arguments])
            done = args_to_api(options, parser)
    except SystemExit:  # raised by the argument parser
        done = False
    finally:
        logger.removeFilter(keep_jobs)
    if not done:
        raise RuntimeError(f"the dry-run failed: {_reason(said.getvalue())}")
    print(said.getvalue(), file=sys.stderr, end="")
    for job in jobs:
        changes = [made_otherwise[path] for path in map(str, job.output or []) if path in made_otherwise]
        job.made_otherwise = changes[0] if changes else []
    return jobs


def _reason(said: str) -> str:
    """Snakemake's message without its usage, the names of profiles and places in the Snakefile."""
    lines = said.rpartition(": error: ")[2].splitlines()
    if _TRACEBACK in lines:  # Snakemake shows its own where it reads its arguments; the last line says what is wrong
        lines = [line for line in lines if line.strip()][-1:]
    return "\n".join(line for line in lines if not _PLACE.match(line))
