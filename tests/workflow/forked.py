"""Snakemake's command line in a process that begins with Snakemake imported: a dry-run takes less than half of the time.

Tests start it a hundred times. One process per session imports it, and everything else starts as a fork of that one; of the
project's own library it has imported nothing.
"""

import os
import sys
from multiprocessing import get_context
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli", "pydantic", "tests.workflow.forked"])


def snakemake(arguments: list[str], cwd: Path, env: dict[str, str]) -> CompletedProcess:
    """What ``subprocess.run`` of ``python -m snakemake`` returns, output captured as text."""
    with TemporaryDirectory() as folder:
        outputs = [f"{folder}/stdout", f"{folder}/stderr"]
        process = FORKS.Process(target=_main, args=(arguments, str(cwd), env, outputs))
        process.start()
        process.join()
        return CompletedProcess(
            ["snakemake", *arguments], process.exitcode, *(Path(path).read_text() for path in outputs)
        )


def _main(arguments: list[str], cwd: str, env: dict[str, str], outputs: list[str]) -> None:
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path.insert(0, cwd)
    sys.argv = ["snakemake", *arguments]

    from snakemake.cli import main

    main()
