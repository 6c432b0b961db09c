# After all rules are known, before the first job, and after a failure.

import inspect
import json
import shutil
import subprocess
import tempfile
import time

from sim2sky.jobs import bring_back_dates

DAY = 86400  # seconds; nothing is written for as long


def check_queue():
    """Refuse to start while SLURM jobs of an earlier, killed snakemake of this folder are alive: they write the same files."""
    if shutil.which("squeue") is None:
        return
    squeue = subprocess.run(["squeue", "--me", "--noheader", "--format=%i|%Z|%k"], capture_output=True, text=True)
    if squeue.returncode and workflow.non_local_exec:
        raise WorkflowError(
            f"squeue does not say which jobs of this folder are alive; nothing was started.\n{squeue.stderr}"
        )
    rows = [line.split("|", 2) for line in squeue.stdout.splitlines()]
    here = [
        (job, comment.removeprefix("rule_"))
        for job, folder, comment in rows
        if folder == os.getcwd() and comment.startswith("rule_")
    ]
    if here:
        names = "\n".join(f"  {job}  {rule}" for job, rule in here)
        raise WorkflowError(
            f"SLURM still has jobs of an earlier snakemake in this folder:\n{names}\n"
            "Nothing was started, because new jobs would write the same files. Wait until they are done, or cancel them:\n"
            f"  scancel {' '.join(job for job, _ in here)}"
        )


def check_folder():
    """Refuse to start where nothing can be written: the first job would find out, in words that are hard to read."""
    folder = Path(CONFIG.results)
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        raise WorkflowError(f"{folder}: this folder cannot be written to; nothing was started.")


def remove_leftovers():
    """Temporary files of processes that were killed; another Snakemake, of other results, may be writing younger ones."""
    for path in Path(CONFIG.results).rglob(".*.partial"):
        try:
            if path.stat().st_mtime < time.time() - DAY:
                path.unlink()
        except FileNotFoundError:
            continue


def report_what_exists():
    """After a failure: write the report from the runs that are there, naming those that are not."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(merged(LAYERS) | {"partial": True}, file)
        file.flush()
        command = [sys.executable, "-m", "snakemake", "--snakefile", workflow.main_snakefile, "--configfile", file.name]
        command += ["--cores", "1", "--nolock", "--quiet", "all", "--", "write_report"]
        done = subprocess.run(command).returncode == 0
    sys.stderr.write(
        f"\nReport of the runs that exist: {PATHS.report}\n" if done else "\nNo report could be written.\n"
    )


# Snakemake inspects the signature of each of these functions for every job; this keeps it.
for function in [item for item in globals().values() if inspect.isfunction(item) and item.__globals__ is globals()]:
    function.__signature__ = inspect.signature(function)


onstart:
    gc.freeze()
    gc.enable()
    check_folder()
    if not CONFIG.partial:
        check_queue()
        bring_back_dates(CONFIG.results)


onsuccess:
    remove_leftovers()


onerror:
    if not CONFIG.partial:
        report_what_exists()
