"""What a finished project does again after an edit: exactly what the edit touches, and it says why."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from astropy.io import fits

from tests.workflow.conftest import TINY_RUN, planned, write_sky

pytestmark = pytest.mark.slow
DRY = (*TINY_RUN, "--dry-run", "--quiet", "rules")
STUDY, TINY = "config/studies/einstein_radius.yaml", "config/tiny.yaml"
SOURCES = "workflow/src/sim2sky"

# Jobs of the tiny study: 2 shards per data set, 8 runs of one seed, 4 of them on one domain alone.
PAGE = {"write_report": 1}
FIGURES = {"draw_figures_einstein_radius": 1} | PAGE
TABLES = {"aggregate_metrics": 1} | FIGURES


def jobs(predict=0, tables=TABLES, **rules):
    """Rules with their numbers of jobs; every prediction is evaluated."""
    if predict:
        rules |= {"predict": predict, "evaluate_run": predict}
    return rules | tables


TRAINING = jobs(8, train_source_only=4, adapt=4, cross_validate=1)
EVERYTHING_OBSERVED = jobs(8, inject_noise=6, train_source_only=4, adapt=4, cross_validate=1)
EVERYTHING = EVERYTHING_OBSERVED | {"simulate_shard": 2}
DES = jobs(6, train_source_only=3, adapt=3)  # all but the runs that are adapted to, or trained on, the real sky
SKY = jobs(4, train_source_only=1, adapt=1)  # these, and the others that are tested on it
MMD = jobs(2, adapt=2)
SHARD = "results/{}/0000000-0000199.zarr.zip"


def replace(file, old, new):
    return lambda project: project.edit(file, old, new)


def append(file, text="\nCHANGED = True\n"):
    return lambda project: (project.folder / file).write_text((project.folder / file).read_text() + text)


def library(module):
    return append(f"{SOURCES}/{module}.py")


def touch(project):
    """As `git checkout` of another branch and back leaves files: with the time of now."""
    for folder in ("workflow", "config", "resources", "profiles"):
        for path in (project.folder / folder).rglob("*"):
            os.utime(path)


def git_checkout(project):
    """A commit with another network, and back."""
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q", "-b", "main"], ["add", "workflow", "config", "resources"], ["commit", "-qm", "a"]):
        subprocess.run([*git, *command], cwd=project.folder, check=True)
    subprocess.run([*git, "checkout", "-qb", "other"], cwd=project.folder, check=True)
    library("models/lens_cnn")(project)
    append("workflow/scripts/train.py")(project)
    subprocess.run([*git, "commit", "-qam", "b"], cwd=project.folder, check=True)
    subprocess.run([*git, "checkout", "-q", "main"], cwd=project.folder, check=True)
    shutil.rmtree(project.folder / ".git")


def new_method(project):
    text = "from sim2sky.adapt.registry import register_adaptation\n\n\n@register_adaptation\nclass coral:\n    pass\n"
    (project.folder / SOURCES / "adapt/coral.py").write_text(text)
    project.edit(f"{SOURCES}/adapt/__init__.py", "import dann", "import coral, dann")


def other_sky(project):
    write_sky(project.folder / "cutouts.fits", seed=1)


def other_sky_of_earlier_date(project):
    date = (project.folder / "cutouts.fits").stat().st_mtime - 1e6
    other_sky(project)
    os.utime(project.folder / "cutouts.fits", (date, date))


def later_date_of_the_sky(project):
    os.utime(project.folder / "cutouts.fits")


def delete(path):
    return lambda project: (project.folder / path).unlink()


def corrupt(path):
    """Flip a bit in the middle."""

    def flip(project):
        content = bytearray((project.folder / path).read_bytes())
        content[len(content) // 2] ^= 1
        (project.folder / path).unlink()  # the bytes are shared with the copy that is put back
        (project.folder / path).write_bytes(content)

    return flip


# what it is: (edit, jobs that it brings about)
EDITS = {
    # nothing that matters
    "comment in the library": (append(f"{SOURCES}/lensing/mass.py", "\n# a comment\n"), {}),
    "docstring of the noise": (replace(f"{SOURCES}/observe/noise.py", '"""', '"""In short: '), {}),
    "comment in a script": (append("workflow/scripts/train.py", "\n# a comment\n"), {}),
    "all files touched": (touch, {}),
    "git checkout back and forth": (git_checkout, {}),
    "text of the schema": (
        replace(f"{SOURCES}/config/study.py", "files of config/studies that", "those files that"),
        {},
    ),
    "error of the configuration in other words": (
        replace(f"{SOURCES}/config/base.py", "unknown {what} {name!r}; {hint}", "no such {what}: {name!r}; {hint}"),
        {},
    ),
    "error of the training in other words": (
        replace(f"{SOURCES}/adapt/mmd.py", "batches of one size are needed", "the batches must have one size"),
        {},
    ),
    "generated schema": (append("workflow/schemas/study.schema.json", "\n"), {}),
    "documentation": (append("config/README.md", "More.\n"), {}),
    "comment in the configuration": (append(STUDY, "# a comment\n"), {}),
    "band of the survey that is not used": (
        replace("resources/surveys/des.yaml", "  i:\n    zero_point: ", "  i:\n    zero_point: 1"),
        {},
    ),
    "memory that a rule asks for": (
        replace("workflow/src/sim2sky/costs.py", "TABLES, FIGURES = 1000,", "TABLES, FIGURES = 2000,"),
        {},
    ),
    "message of a rule": (replace("workflow/rules/adapt.smk", '"Adapting', '"Now adapting'), {}),
    "new adaptation method that no run uses": (new_method, {}),
    "shard deleted that is not needed any more": (delete(SHARD.format("observe/des")), {}),
    "networks deleted that are not needed any more": (
        delete("results/adapt/einstein_radius/paper-mmd/0-0/model.safetensors"),
        {},
    ),
    # configuration, stage by stage
    "population": (replace(STUDY, "theta_E: {uniform: [0.5,", "theta_E: {uniform: [0.6,"), EVERYTHING),
    "seed of the simulation": (replace(STUDY, "    seed: 1\n", "    seed: 5\n"), EVERYTHING),
    "noise formula of one domain": (
        replace(STUDY, "noise: deeplenstronomy-0.0.2.3\n    seed: 3", "noise: correct\n    seed: 3"),
        DES | {"inject_noise": 2},
    ),
    "seed of the noise": (replace(STUDY, "seed: 3", "seed: 7"), DES | {"inject_noise": 2}),
    "band of the survey that is used": (
        replace("resources/surveys/des.yaml", "  g:\n    zero_point: 2", "  g:\n    zero_point: 1"),
        jobs(8, inject_noise=4, train_source_only=4, adapt=4),
    ),
    "other cutouts of the real sky": (other_sky, SKY | {"inject_noise": 2}),
    "other cutouts of an earlier date": (other_sky_of_earlier_date, SKY | {"inject_noise": 2}),
    "cutouts touched": (later_date_of_the_sky, {}),
    "split of the source domain": (
        replace(
            STUDY, "survey: noise_free\n", "survey: noise_free\n    split: {train: 0.6, validation: 0.2, test: 0.2}\n"
        ),
        TRAINING,
    ),
    "recipe": (
        replace(STUDY, "lr: 3.0e-4}\n    schedule", "lr: 4.0e-4}\n    schedule"),
        jobs(4, train_source_only=2, adapt=2, cross_validate=1),
    ),
    "one run's change of its recipe": (
        replace(STUDY, "change: {optimiser: {lr: 1.0e-5}}", "change: {optimiser: {lr: 2.0e-5}}"),
        jobs(1, train_source_only=1),
    ),
    "weight of an adaptation method": (
        replace(STUDY, "adaptation: mmd, weight: 1.4", "adaptation: mmd, weight: 1.5"),
        MMD,
    ),
    "where a run is tested": (
        replace(
            STUDY,
            "tuned-mmd: {method: mmd, recipe: tuned, source: noise_free, target: des, evaluate_on: [noise_free, des]}",
            "tuned-mmd: {method: mmd, recipe: tuned, source: noise_free, target: des, evaluate_on: [des]}",
        ),
        jobs(1),
    ),
    "grid of the cross-validation": (replace(TINY, "[3.0e-4]", "[1.0e-4]"), FIGURES | {"cross_validate": 1}),
    "published number": (replace(STUDY, "mean: 0.94", "mean: 0.95"), TABLES),
    "title of a domain": (replace(STUDY, "title: Target (DES noise)", "title: Target"), TABLES),
    "abstract": (replace(STUDY, "A network learns", "A neural network learns"), FIGURES),
    "seed added": (replace(TINY, "seeds: 1\n", "seeds: 2\n"), jobs(8, train_source_only=4, adapt=4)),
    # a larger source and target keep their shards; cutouts are dealt out anew among the lenses of a larger domain
    "data set enlarged": (
        replace(TINY, "lenses: 400", "lenses: 600"),
        EVERYTHING | {"simulate_shard": 1, "inject_noise": 5},
    ),
    # code, stage by stage
    "parts of a data set": (
        replace(f"{SOURCES}/config/observe.py", "round(lenses * self.train)", "int(lenses * self.train)"),
        EVERYTHING_OBSERVED,
    ),
    "lensing": (library("lensing/mass"), EVERYTHING),
    "noise formula": (
        replace(f"{SOURCES}/observe/noise.py", "num_exposures * np.square(read_noise)", "np.square(read_noise)"),
        EVERYTHING_OBSERVED,
    ),
    "seeing": (library("observe/psf"), EVERYTHING_OBSERVED),
    "layer of the network": (replace(f"{SOURCES}/models/lens_cnn.py", "nn.ReLU()", "nn.GELU()"), TRAINING),
    "training loop": (library("train/loop"), TRAINING),
    "training script": (append("workflow/scripts/train.py"), jobs(8, train_source_only=4, adapt=4)),
    "MMD": (library("adapt/mmd"), MMD),
    "DANN": (library("adapt/dann"), MMD),  # as many runs
    "prediction": (library("evaluate/predict"), jobs(8)),
    "metrics": (library("evaluate/metrics"), jobs(0, evaluate_run=8)),
    "aggregation": (library("evaluate/aggregate"), TABLES),
    "colour of the figures": (replace(f"{SOURCES}/report/figures/style.py", "#D55E00", "#D55E01"), FIGURES),
    "caption that no figure of the study has": (append("workflow/report/degeneracy.rst", "More.\n"), {}),
    "caption": (replace("workflow/report/scores.rst", "Each row is a run.", "A row is a run."), PAGE),
    "template of the report": (replace(f"{SOURCES}/report/page/report.html", "Provenance", "Origin"), PAGE),
    "style sheet of the report": (append(f"{SOURCES}/report/page/report.css", "\n"), PAGE),
    # files
    "observed shard damaged": (corrupt(SHARD.format("observe/des")), DES),  # these will refuse it, with its name
    "simulated shard damaged": (
        corrupt("results/simulate/galaxy_lenses/0000000-0000199.zarr.zip"),
        EVERYTHING_OBSERVED | {"inject_noise": 3},  # of the one shard
    ),
    "report deleted": (delete("results/report/report.html"), PAGE),
}


@pytest.fixture(scope="module")
def copy(finished, tmp_path_factory):
    return finished.copy(tmp_path_factory.mktemp("reruns") / "project")


@pytest.fixture
def edited(copy, tmp_path):
    """A finished project; what a test edits is put back afterwards, with its times."""
    kept = ["workflow", "config", "resources", "cutouts.fits"]
    for name in kept:
        source, target = copy.folder / name, tmp_path / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
    results = copy.folder / "results"
    shutil.copytree(results, tmp_path / "results", copy_function=os.link)
    yield copy
    for name in [*kept, "results"]:
        target = copy.folder / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        shutil.move(tmp_path / name, target)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_brings_about_exactly_its_jobs(edited, name):
    edit, expected = EDITS[name]
    edit(edited)
    assert planned(edited.snakemake(*DRY)) == expected


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("comment in the library", ["Nothing to be done"]),
        ("MMD", ["adapt: 2 jobs: einstein_radius/", "    code: sim2sky.adapt.mmd", "write_report: 1 job\n    after "]),
        (
            "DANN",
            ["adapt: 2 jobs: einstein_radius/", "    code: sim2sky.adapt.dann", "write_report: 1 job\n    after "],
        ),
        ("recipe", ["    configuration: recipe.optimiser.lr: 0.0003 -> 0.0004"]),
        ("band of the survey that is used", ["    configuration: bands.g.zero_point: "]),
        ("other cutouts of the real sky", ["configuration: cutouts.des_coadd_g: "]),
        ("report deleted", ["write_report: 1 job\n    not there yet"]),
    ],
)
def test_why_names_the_key_module_or_file(edited, name, reasons):
    EDITS[name][0](edited)
    result = edited.python("-m", "sim2sky", "why", *TINY_RUN, "--cores", "1")
    assert result.returncode == 0, result.stderr
    for reason in reasons:
        assert reason in result.stdout
    if other := {"MMD": "-dann", "DANN": "-mmd"}.get(name):
        assert other not in result.stdout


@pytest.fixture
def without_records(edited):
    """As a folder that was copied without ``.snakemake``."""
    os.rename(edited.folder / ".snakemake", edited.folder / "records")
    yield edited
    shutil.rmtree(edited.folder / ".snakemake")
    os.rename(edited.folder / "records", edited.folder / ".snakemake")


# what says nothing of itself is made again: metrics of single runs, and the report
@pytest.mark.parametrize("name", [None, "recipe", "other cutouts of an earlier date", "metrics"])
def test_copied_results_are_current_only_if_they_say_so(without_records, name):
    edit, expected = EDITS.get(name, (lambda project: None, {}))
    edit(without_records)
    result = without_records.snakemake(*DRY)
    assert planned(result) == TABLES | expected | {"evaluate_run": 8}
    assert "Snakemake has no record of" in result.stdout  # where a dry-run writes


@pytest.mark.parametrize(("name", "expected"), [(None, PAGE), ("band of the survey that is used", EVERYTHING)])
def test_copied_tables_and_figures_know_their_survey_without_what_they_were_made_from(without_records, name, expected):
    for path in ["simulate", "observe", "train/*/*/", "adapt", "evaluate/*/*/"]:
        for folder in Path(without_records.folder, "results").glob(path):
            shutil.rmtree(folder)
    if name:
        EDITS[name][0](without_records)
    assert planned(without_records.snakemake(*DRY)) == expected


def test_why_says_what_copied_results_say_of_themselves(without_records):
    EDITS["recipe"][0](without_records)
    result = without_records.python("-m", "sim2sky", "why", *TINY_RUN, "--cores", "1")
    assert "by its own provenance:\n    configuration: recipe.optimiser.lr: 0.0003 -> 0.0004" in result.stdout
    assert "Snakemake has no record of" in result.stderr


def test_cutouts_that_are_no_sky_are_refused_before_a_job_starts(edited):
    with fits.open(edited.folder / "cutouts.fits") as file:
        cutouts = file[0].data + 100
    fits.writeto(edited.folder / "cutouts.fits", cutouts, overwrite=True)
    result = edited.snakemake(*DRY)
    assert result.returncode == 1
    said = result.stdout + result.stderr
    assert "datasets.des_sky.background: cutouts.fits: HDU 0: 20 of 20 cutouts cannot be used" in said
    assert "subtract the sky" in said and "Building DAG" not in said


def test_a_damaged_shard_is_refused_by_name(edited):
    path = SHARD.format("observe/des")
    EDITS["observed shard damaged"][0](edited)
    result = edited.snakemake(*TINY_RUN, "--", "results/train/einstein_radius/paper-oracle/0-0/model.safetensors")
    assert result.returncode == 1
    log = Path(edited.folder, "results/logs/train_source_only/einstein_radius/paper-oracle/0-0.log").read_text()
    assert f"{path}: array" in log and "delete the file to have it made again" in log
