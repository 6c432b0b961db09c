"""What a study may measure, and what of it is left without cutouts or runs."""

from pathlib import Path

import pytest

from sim2sky.config.load import ConfigError, load

ROOT = Path(__file__).parents[3]
RUNS = ["mse-none", "beta-dann", "mse-dann-sky"]


def study(tmp_path, cutouts=True, **changes):
    sky = tmp_path / "sky.fits"
    sky.write_bytes(b"SIMPLE  =")
    config = {"studies": ["error_bars"], "overrides": {"error_bars": changes}}
    return load(config | {"cutouts": {"des_coadd_g": str(sky) if cutouts else None}}, ROOT)[1]["error_bars"]


def test_every_domain_of_a_run_and_of_its_measurements_is_in_its_network_file(tmp_path):
    found = study(tmp_path)
    assert found.measuring_domains("mse-none") == ["noise_free_correct", "des_correct", "des_sky"]
    alone = study(
        tmp_path, measurement={"datasets": ["noise_free_correct"]}, runs={"mse-none": {"evaluate_on": ["des_sky"]}}
    )
    assert alone.measuring_domains("mse-none") == [
        "noise_free_correct",
        "des_sky",
        "des_correct",
    ]  # the last calibrates


def test_without_cutouts_the_rest_is_measured(tmp_path):
    asked = study(tmp_path, cutouts=False).measurement
    assert asked.datasets == ["noise_free_correct", "des_correct"]
    assert not [run for run in asked.runs if run.endswith("-sky")]
    assert study(tmp_path, only_runs=RUNS).measurement.runs == RUNS
    assert study(tmp_path, cutouts=False, measurement={"datasets": ["des_sky"]}).measurement is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measurement": {"runs": ["mse-non"]}}, "measurement.runs.*did you mean 'mse-none'"),
        ({"measurement": {"datasets": ["des_corect"]}}, "measurement.datasets.*did you mean 'des_correct'"),
        ({"measurement": {"calibrate_on": "des"}}, "measurement.calibrate_on.*unknown dataset 'des'"),
        ({"measurement": {"calibrate_on": "des_sky"}}, "measurement.calibrate_on: des_sky .*simulation"),
        ({"runs": {"flow-none": {"start_from": "beta-none"}}}, "beta-none has predictive gaussian, flow-none flow"),
        ({"recipes": {"beta": {"standardise": False}}}, "recipes.beta.*standardise: .*beta_nll"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        study(tmp_path, **change)
