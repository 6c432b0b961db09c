"""From the metrics of runs to the summary of a study, and which networks and tables belong to it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.numpy import save_file

from sim2sky import store
from sim2sky.config import Study, Survey, merge
from sim2sky.evaluate.aggregate import SUMMARY_COLUMNS, aggregate, missing_runs, present_runs
from sim2sky.evaluate.run_metrics import RUN_COLUMNS, read_metrics
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import write_networks
from sim2sky.paths import Paths, of_run
from sim2sky.provenance import record
from sim2sky.provenance.networks import networks_provenance
from sim2sky.provenance.stale import stale

STUDY = Path(__file__).parents[3] / "config/studies/einstein_radius.yaml"


@pytest.fixture
def study() -> Study:
    raw = yaml.safe_load(STUDY.read_text())
    sky = {"recipe": "tuned", "source": "noise_free", "evaluate_on": ["noise_free", "des_sky"]}
    runs = {
        "plain": {"method": "none", "recipe": "tuned", "source": "noise_free", "evaluate_on": ["noise_free", "des"]},
        "dann": {"method": "dann", "recipe": "tuned", "source": "noise_free", "target": "des", "evaluate_on": ["des"]},
        "dann-sky": sky | {"method": "dann", "target": "des_sky"},
        "best": {"method": "oracle", "recipe": "tuned", "source": "des", "evaluate_on": ["noise_free", "des"]},
        "old-mmd": {
            "method": "mmd",
            "recipe": "paper",
            "source": "noise_free",
            "target": "des",
            "evaluate_on": ["des"],
        },
    }
    row = {"statistics": "batch", "metric": "r2", "source": "Table 1"}
    published = [
        row | {"method": "dann", "recipe": "tuned", "domain": "noise_free", "mean": 0.97, "std": 0.01},
        row | {"method": "mmd", "recipe": "paper", "domain": "des", "mean": 0.95},
    ]
    changed = {"runs": runs, "published": published, "seeds": 3, "seeds_per_job": 2, "cross_validation": None}
    return Study.model_validate(raw | changed)


@pytest.fixture
def write(tmp_path, study):
    """A function that writes the R2 of one block of a run, ``{domain: [value per seed]}``, and gives the path."""

    def write(run: str, first: int, scores: dict[str, list[float]]) -> Path:
        about = study.runs[run]
        names = {"run": run, "method": about.method, "recipe": about.recipe, "source": about.source}
        rows = [
            names | {"target": about.target or "", "seed": first + i, "domain": domain, "value": value}
            for domain, values in scores.items()
            for i, value in enumerate(values)
        ]
        path = tmp_path / f"{run}-{first}.csv"
        pd.DataFrame(rows).assign(statistics="batch", parameter="theta_E", metric="r2")[RUN_COLUMNS].to_csv(
            path, index=False
        )
        return path

    return write


@pytest.fixture
def files(write):
    return [
        write("dann", 2, {"noise_free": [0.9], "des": [0.7]}),
        write("dann", 0, {"noise_free": [0.8, 0.85], "des": [0.8, 0.6]}),
        write("plain", 0, {"noise_free": [0.9, 0.95], "des": [0.4, 0.6]}),
        write("best", 0, {"des": [0.9, 0.5]}),
        write("dann-sky", 2, {"noise_free": [0.1 + 0.2]}),
    ]


def read_summary(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False).set_index(["run", "domain", "metric"])


def test_aggregate(files, study, tmp_path, capsys):
    missing = aggregate("radius", study, files, tmp_path / "metrics.csv", tmp_path / "summary.csv")
    lost = [("plain", "2-2"), ("dann-sky", "0-1"), ("best", "2-2"), ("old-mmd", "0-1"), ("old-mmd", "2-2")]
    assert missing == lost
    assert "missing: run old-mmd, seeds 2-2" in capsys.readouterr().out

    metrics = read_metrics(tmp_path / "metrics.csv")
    assert list(metrics.columns) == ["study", *RUN_COLUMNS]
    assert metrics.query("run == 'dann-sky'").value.item() == 0.1 + 0.2
    assert list(dict.fromkeys(metrics.run)) == ["plain", "dann", "dann-sky", "best"], "in the order of the study"
    assert metrics.query("run == 'dann' and metric == 'r2' and domain == 'des'").seed.to_list() == [0, 1, 2]

    assert list(pd.read_csv(tmp_path / "summary.csv").columns) == SUMMARY_COLUMNS
    summary = read_summary(tmp_path / "summary.csv")
    row = summary.loc["dann", "noise_free", "r2"]
    assert float(row["mean"]) == pytest.approx(0.85)
    assert float(row["std"]) == pytest.approx(0.05), "sample deviation, over n - 1"
    assert (row.n_seeds, row.published_mean, row.published_source) == (3, "0.97", "Table 1")
    one_seed = summary.loc["dann-sky", "noise_free", "r2"]
    assert (one_seed.n_seeds, one_seed["std"], one_seed.published_std) == (1, "", "0.01")
    unmeasured = summary.loc["old-mmd", "des", "r2"]
    assert (unmeasured.n_seeds, unmeasured["mean"], unmeasured.published_mean) == (0, "", "0.95")
    assert unmeasured.published_std == ""


def test_gap_closed_by_seed(files, study, tmp_path):
    aggregate("radius", study, files, tmp_path / "metrics.csv", tmp_path / "summary.csv")
    gap = read_metrics(tmp_path / "metrics.csv").query("metric == 'gap_closed'")
    assert gap[["run", "domain", "statistics"]].drop_duplicates().values.tolist() == [["dann", "des", "batch"]]
    # seed 0: from 0.4 to 0.8 of 0.9; seed 1: the oracle is worse than no adaptation; seed 2: no controls
    assert gap.seed.to_list() == [0, 1]
    np.testing.assert_allclose(gap.value, [0.8, np.nan])
    assert read_summary(tmp_path / "summary.csv").loc["dann", "des", "gap_closed"]["mean"] == ""


@pytest.fixture
def networks_path(tmp_path):
    """Where the networks of a run are, in a folder that is there."""

    def path(study, run, seeds):
        path = Path(of_run(Paths(tmp_path).model, "radius", study, run, seeds))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    return path


def test_networks_of_another_size_or_start_are_stale(study, networks_path):
    """As their file says; nothing else of it is of another configuration."""
    run = study.runs["plain"]
    bounds = {part: list(ends) for part, ends in study.datasets["noise_free"].split.bounds(50000).items()}
    config = {"targets": study.targets, "recipe": study.recipe_of("plain").params()}
    config |= {"method": study.methods[run.method].params(), "start_from": False, "worst_fraction": None}
    about = {"config": config, "domains": {"source": {"name": "noise_free", "bounds": bounds}}}

    surveys = {}

    def differing(**change):
        metadata = {"provenance": json.dumps(merge(about, change))}
        path = networks_path(study, "plain", "0-1")
        save_file({"0/weight": np.zeros(1)}, path, metadata)
        return stale({("plain", "0-1"): path}, study, "plain", "0-1", surveys)

    assert differing() == []
    survey = {"title": "S", "source": "s", "pixel_scale": 0.2, "read_noise": 1.0}
    band = {"zero_point": 25.0, "exposure_time": 90.0, "seeing": 1.0, "sky_brightness": 22.0, "num_exposures": 4}
    now = Survey.model_validate(survey | {"bands": {"g": band, "r": band}})
    surveys[study.datasets["noise_free"].survey] = now
    observed = now.params() | {"bands": {"g": now.params()["bands"]["g"]}}
    assert differing(domains={"source": {"survey": observed}}) == []
    (changed,) = differing(domains={"source": {"survey": observed | {"read_noise": 2.0}}})
    assert changed == f"surveys.{study.datasets['noise_free'].survey}.read_noise: 2.0 -> 1.0"
    assert differing(domains={"source": {"bounds": {"train": [0, 700]}}})[0].startswith("lenses of noise_free.train")
    assert differing(config={"start_from": True}) == ["start_from an earlier run: True -> False"]
    assert differing(config={"worst_fraction": 0.1}) == ["train_on.fraction: 0.1 -> None"]


def test_networks_made_from_earlier_ones_are_stale_with_these(study, networks_path):
    later = study.runs["plain"].model_copy(update={"start_from": "plain"})
    study = study.model_copy(update={"runs": study.runs | {"later": later}})
    run = study.runs["plain"]
    config = {"targets": study.targets, "recipe": study.recipe_of("plain").params(), "seeds": [0, 1]}
    config |= {"method": study.methods[run.method].params(), "worst_fraction": None}

    def made(run, start_from, **change):
        path = networks_path(study, run, "0-1")
        about = {"config": merge(config, change) | {"start_from": start_from}, "domains": {}}
        write_networks(path, {0: {"weight": torch.ones(1)}}, LabelEncoding(study.targets, "degrees"), about)
        return networks_provenance(path)["sha256"]

    models = {(run, "0-1"): networks_path(study, run, "0-1") for run in ("plain", "later")}
    made("later", made("plain", None))
    assert stale(models, study, "later", "0-1") == []
    made("plain", None, recipe={"epochs": 99})
    recipe, other = stale(models, study, "later", "0-1")
    assert recipe.startswith("plain, an earlier run: recipe.epochs: 99 -> ")
    assert other == "made from other networks of plain than there are now"


def test_tables_say_what_they_were_made_from(write, study, tmp_path, networks_path):
    """Study, code and networks; a table that was changed afterwards is refused."""
    config = {"targets": study.targets, "recipe": study.recipe_of("dann").params()}
    config |= {"method": study.methods[study.runs["dann"].method].params(), "seeds": [0, 1]}
    about = {"config": config, "domains": {}, "fingerprint": {"a": "1"}, "versions": {"torch": "2"}}
    encoding = LabelEncoding(study.targets, study.recipe_of("dann").angles)
    write_networks(networks_path(study, "dann", "0-1"), {0: {"weight": torch.zeros(1)}}, encoding, about)
    tables = [tmp_path / "metrics.csv", tmp_path / "summary.csv"]
    where, code = tmp_path / "provenance.json", {"sim2sky.evaluate": "abc"}
    files = [write("dann", 0, {"des": [0.9, 0.5]})]
    aggregate("radius", study, files, *tables, Paths(tmp_path), provenance=where, fingerprint=code)
    about = record.read_provenance(where, tables)
    assert (about["config"], about["fingerprint"]) == (study.tabulated().params(), code)
    (networks,) = about["networks"].values()
    assert (networks["seeds"], networks["versions"]) == ([0, 1], {"torch": "2"})
    tables[1].write_text(tables[1].read_text().replace("0.7", "0.8"))
    with pytest.raises(store.StoreError, match=r"summary\.csv: changed since it was made"):
        record.read_provenance(where, tables)
    where.write_text("{")
    with pytest.raises(store.StoreError, match=r"provenance\.json: no readable provenance"):
        record.read_provenance(where, tables)


def test_order_of_files_does_not_matter(files, study, tmp_path):
    for name, given in (("a", files), ("b", files[::-1])):
        aggregate("radius", study, given, tmp_path / f"{name}.csv", tmp_path / f"{name}-summary.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "a-summary.csv").read_bytes() == (tmp_path / "b-summary.csv").read_bytes()


def test_aggregate_of_nothing_still_gives_the_published_numbers(study, tmp_path):
    missing = aggregate("radius", study, [], tmp_path / "metrics.csv", tmp_path / "summary.csv")
    assert missing == missing_runs(study, [])
    assert len(missing) == 10
    assert len(read_metrics(tmp_path / "metrics.csv")) == 0
    assert read_summary(tmp_path / "summary.csv").n_seeds.to_list() == [0, 0]


def test_a_block_is_present_when_all_its_seeds_are(write, study):
    table = read_metrics(write("dann", 1, {"des": [0.5, 0.5]}))
    assert present_runs(table, study) == {("dann", "2-2")}


def test_a_seed_that_diverged_is_not_averaged_away(write, study, tmp_path, capsys):
    path = write("dann", 0, {"des": [0.9, np.nan]})
    aggregate("radius", study, [path], tmp_path / "metrics.csv", tmp_path / "summary.csv")
    assert "not a number: run dann, seed 1, on des" in capsys.readouterr().out
    row = read_summary(tmp_path / "summary.csv").loc["dann", "des", "r2"]
    assert (row["mean"], row.n_seeds) == ("", 2)


def test_a_parameter_that_does_not_vary_is_named(write, study, tmp_path, capsys):
    path = write("dann", 0, {"des": [np.nan, np.nan]})
    errors = path.read_text().replace("r2,", "mae,0.5").splitlines()[1:]
    path.write_text(path.read_text() + "\n".join(errors) + "\n")
    aggregate("radius", study, [path], tmp_path / "metrics.csv", tmp_path / "summary.csv")
    said = capsys.readouterr().out
    assert "radius: theta_E does not vary on des, so that it has no R2\n" in said and "not a number" not in said
    assert read_summary(tmp_path / "summary.csv").loc["dann", "des", "r2"]["mean"] == ""


def test_published_numbers_may_belong_to_one_run_and_to_the_mean(write, study, tmp_path):
    """Runs that share a recipe (each with a change of its own) have published numbers of their own."""
    row = {"domain": "des", "statistics": "batch", "parameter": "mean", "metric": "mae", "source": "Table 4.2"}
    published = [row | {"run": "plain", "mean": 0.82}, row | {"run": "best", "mean": 1.39}]
    study = Study.model_validate(study.params() | {"published": published})
    path = write("plain", 0, {"des": [0.9, 0.7]})
    path.write_text(path.read_text().replace("theta_E,r2", "mean,mae"))
    aggregate("radius", study, [path], tmp_path / "metrics.csv", tmp_path / "summary.csv")
    summary = read_summary(tmp_path / "summary.csv")
    row = summary.loc["plain", "des", "mae"]
    assert (row.parameter, float(row.published_mean), row.n_seeds) == ("mean", 0.82, 2)
    assert float(row["mean"]) == pytest.approx(0.8)
    row = summary.loc["best", "des", "mae"]
    assert (row.recipe, float(row.published_mean), row.n_seeds) == ("tuned", 1.39, 0)


def test_published_number_names_a_run_or_a_recipe(study):
    for names in ({}, {"run": "plain", "recipe": "tuned"}, {"method": "none"}):
        row = {"domain": "des", "statistics": "batch", "metric": "r2", "mean": 0.5, "source": "-"} | names
        with pytest.raises(ValueError, match="needs either `run`, or both"):
            Study.model_validate(study.params() | {"published": [row]})


def test_metrics_of_another_study_are_refused(write, study, tmp_path):
    path = write("dann", 0, {"des": [0.9]})
    path.write_text(path.read_text().replace("dann,dann", "stranger,dann"))
    with pytest.raises(ValueError, match=r"dann-0\.csv: of run stranger"):
        aggregate("radius", study, [path], tmp_path / "metrics.csv", tmp_path / "summary.csv")
