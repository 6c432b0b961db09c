"""The DAG as a dry-run shows it, and mistakes that stop it before a job starts."""

import pytest

from tests.workflow.conftest import planned, write_sky

DRY = ("--dry-run", "--quiet", "rules", "--config", "studies=[einstein_radius]")


def test_full_size_dag(project):
    jobs = planned(project.snakemake(*DRY))
    assert jobs == {
        "simulate_shard": 5,
        "inject_noise": 10,
        "train_source_only": 12,
        "adapt": 12,
        "cross_validate": 1,
        "predict": 24,
        "evaluate_run": 24,
        "aggregate_metrics": 1,
        "draw_figures_einstein_radius": 1,
        "write_report": 1,
    }


def test_both_publications_are_hundreds_of_jobs(project):
    """They are not tens of thousands, for each costs a cluster some seconds; few rules have no job."""
    jobs = planned(project.snakemake(*DRY[:3]))
    assert jobs.keys() > {"fetch_weights", "compare_degenerate", "reconstruct", "adapt", "train_source_only"}
    assert jobs["predict_on_gpu"] > jobs["predict"] > 0
    assert 300 < sum(jobs.values()) < 1000


def test_cutouts_add_the_real_sky(project, tmp_path):
    write_sky(tmp_path / "cube.fits")
    jobs = planned(project.snakemake(*DRY, "cutouts={des_coadd_g: cube.fits}"))
    assert (jobs["inject_noise"], jobs["adapt"], jobs["train_source_only"]) == (15, 16, 14)


def test_centring_and_cropping_is_a_switch(project):
    """Of each domain; one network takes all of them only if they are cropped alike."""
    name = "config/studies/einstein_radius.yaml"
    for line in ("    survey: noise_free\n", "    survey: des\n    seed: 4\n"):
        project.edit(name, line, f"{line}    centre_crop: {{pixels: 32}}\n")
    result = project.snakemake(*DRY)
    assert (
        "runs.paper-none.evaluate_on: des has 40 pixels a side, noise_free, which the network learns from"
        in result.stdout + result.stderr
    )
    project.edit(name, "    seed: 3\n", "    seed: 3\n    centre_crop: {pixels: 32}\n")
    jobs = planned(project.snakemake(*DRY))
    assert jobs["centre_crop"] == 10


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "config/studies/einstein_radius.yaml",
            "lenses: 50000",
            "lenses: 0",
            "simulations.galaxy_lenses.lenses: Input should be greater than 0",
        ),
        (
            "config/config.yaml",
            "studies:",
            "studys:",
            "config/config.yaml: studys: unknown key 'studys'; did you mean 'studies'?",
        ),
        ("config/config.yaml", "null ", "cube.fits ", "cutouts.des_coadd_g: no such FITS file: cube.fits"),
    ],
)
def test_mistake_stops_before_any_job(project, file, old, new, words):
    project.edit(file, old, new)
    result = project.snakemake()
    assert result.returncode == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not (project.folder / "results").exists()


def test_parsing_imports_no_torch(project):
    code = "import sys; from sim2sky import config, fingerprint, paths, report; import sim2sky.report.plan; sys.exit('torch' in sys.modules)"
    assert project.python("-c", code).returncode == 0


def test_config_files_of_the_command_line_are_read_as_those_of_the_project(project):
    """Snakemake's own reader keeps the last of two equal keys, and takes 1e0 for text and 012 for ten."""
    path = project.folder / "config/twice.yaml"
    path.write_text(
        "overrides:\n  einstein_radius:\n    recipes: {tuned: {epochs: 1, epochs: 2}}\n    seeds: 2\n    seeds: 3\n"
    )
    result = project.snakemake("--dry-run", "--configfile", "config/twice.yaml")
    assert result.returncode == 1
    for words in ("recipes.tuned.epochs: is given 2 times, in line 3;", "seeds: is given 2 times, in line 4 and 5;"):
        assert f"config/twice.yaml: overrides.einstein_radius.{words}" in result.stderr + result.stdout
    path.write_text(
        "studies: [einstein_radius]\noverrides:\n  einstein_radius:\n    seeds: 012\n    only_runs: [tuned-none]\n"
        "    simulations: {galaxy_lenses: {lenses: 1e3, population: {lens_light: {n_sersic: 1e0}}}}\n"
    )
    overrides = "overrides={einstein_radius: {seeds_per_job: 0x4, cross_validation: null, published: []}}"
    arguments = ["--dry-run", "--quiet", "rules", "--configfile", "config/twice.yaml", "--config", overrides]
    jobs = planned(project.snakemake(*arguments))
    assert (jobs["train_source_only"], jobs["simulate_shard"]) == (3, 1) and "cross_validate" not in jobs
