"""Jobs of a dry-run, as Snakemake itself reports them, without starting another process."""

from __future__ import annotations

import logging
from collections.abc import Sequence


def planned_records(arguments: Sequence[str]) -> list[logging.LogRecord]:
    """Log record of each job that Snakemake would run: ``rule_name``, ``wildcards``, ``output``, ``resources``, ``reason``, ...

    Nothing but warnings and errors is printed.

    Parameters
    ----------
    arguments : sequence of str
        Of ``snakemake``, for example ``--profile slurm``; the dry-run is added.

    Raises
    ------
    RuntimeError
        The dry-run failed; Snakemake has said why.
    """
    from snakemake.cli import args_to_api, parse_args

    jobs = []

    def keep_jobs(record: logging.LogRecord) -> bool:
        if hasattr(record, "rule_name") and hasattr(record, "reason"):
            jobs.append(record)
        return record.levelno >= logging.WARNING

    logger = logging.getLogger("snakemake.logging")
    logger.addFilter(keep_jobs)
    try:
        parser, options = parse_args(["--dry-run", "--nolock", *arguments])
        if not args_to_api(options, parser):
            raise RuntimeError("the dry-run failed")
    finally:
        logger.removeFilter(keep_jobs)
    return jobs
