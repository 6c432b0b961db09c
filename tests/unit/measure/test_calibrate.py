"""From trained networks to a file that measures, and what it measures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.optimize import brentq
from scipy.stats import norm

from sim2sky import store
from sim2sky.config import Method, Recipe, Split, merge
from sim2sky.data.domain import Domain, load_part
from sim2sky.measure.calibrate import calibrate
from sim2sky.models.calibration import LEVELS, MEDIAN
from sim2sky.models.ensemble import mixture_quantiles
from sim2sky.models.measuring import MeasuringNetwork
from sim2sky.train.block import train_block

PIXELS, SEEDS = 12, range(2)
RECIPE = {
    "network": "lens_cnn",
    "epochs": 2,
    "batch_size": 16,
    "optimiser": {"lr": 3e-3},
    "normalisation": "per_domain",
    "standardise": True,
}
ABOUT = {"title": "Toy", "study": "toy", "run": "a", "bands": ["g"], "pixel_scale": 0.2, "unit": "counts/s"}


def make_domain(folder: Path, name: str, lenses: int, noise: float, gain: float = 1.0) -> Domain:
    """Images whose brightness is the Einstein radius and whose gradient is the orientation."""
    random = np.random.default_rng(lenses)
    radius, turn = random.uniform(0.5, 3.0, lenses), random.uniform(0, 180, lenses)
    x = np.linspace(-1, 1, PIXELS)
    tilt = np.cos(np.radians(2 * turn))[:, None, None] * x + np.sin(np.radians(2 * turn))[:, None, None] * x[:, None]
    images = radius[:, None, None] * np.sign(x) + tilt + noise * random.normal(size=(lenses, PIXELS, PIXELS))
    variables = {
        "image": store.Variable(gain * images[:, None].astype("f4"), store.IMAGE_DIMS, "counts/s"),
        "theta_E": store.Variable(radius, unit="arcsec", long_name="Einstein radius"),
        "theta": store.Variable(turn, unit="degree", long_name="orientation"),
        "lens": store.Variable(np.arange(lenses)),
    }
    path = folder / name / "0.zarr.zip"
    store.write_shard(path, variables, {})
    return Domain(name, [path], Split().bounds(lenses))


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    folder = tmp_path_factory.mktemp("domains")
    return [
        make_domain(folder, "clean", 320, 0.3),
        make_domain(folder, "noisy", 300, 0.6),
        make_domain(folder, "sky", 280, 0.6, gain=50.0),
    ]


def make(folder: Path, domains, targets=("theta_E",), calibrate_on=None, **change) -> Path:
    recipe = Recipe.model_validate(merge(RECIPE, change))
    files = folder / "model.safetensors", folder / "history.csv"
    method = Method(title="None", adaptation="none")
    train_block(recipe, method, targets, SEEDS, domains[0], None, *files, {"module": "code"})
    titles = {d.name: {"title": d.name.title(), "survey": "DES", "zero_points": [30.0]} for d in domains}
    path = folder / "network.safetensors"
    calibrate(
        [files[0]],
        recipe,
        targets,
        domains,
        {**ABOUT, "domains": titles},
        "clean",
        "sky",
        path,
        {"m": "c"},
        calibrate_on,
    )
    return path


@pytest.fixture(scope="module", params=["mse", "gaussian_nll", "flow"])
def file(request, tmp_path_factory, domains):
    return make(tmp_path_factory.mktemp(request.param), domains, loss=request.param, calibrate_on="noisy")


def validation(domain: Domain):
    part = load_part(domain.shards, domain.bounds["validation"], ["theta_E"])
    return part.images[:].numpy(), part.labels.numpy()


def test_the_file_says_what_an_image_needs(file, domains):
    network = MeasuringNetwork.read(file)
    about = network.about
    assert (about.domain, about.seeds, about.bands, about.pixels, about.zero_points) == (
        "sky",
        (0, 1),
        ("g",),
        12,
        (30.0,),
    )
    assert about.parameters == {"theta_E": {"units": "arcsec", "long_name": "Einstein radius"}}
    labels = load_part(domains[0].shards, domains[0].bounds["train"], ["theta_E"]).labels
    assert about.population["theta_E"]["low"] == pytest.approx(labels.min().item())
    assert about.population["theta_E"]["quantiles"][50] == pytest.approx(labels.quantile(0.5).item(), abs=1e-5)
    on = {name: domain["calibrated_on"] for name, domain in about.domains.items()}
    assert on == {"clean": "clean", "noisy": "noisy", "sky": "noisy"}
    assert file.stat().st_size < 1_500_000


def test_intervals_cover_the_validation_part(file, domains):
    images, true = validation(domains[1])
    made = MeasuringNetwork.read(file, "noisy").measure(images)
    for low, high in ((0.16, 0.84), (0.025, 0.975)):
        ends = made.quantiles[..., [LEVELS.index(low), LEVELS.index(high)]]
        inside = ((ends[..., 0] <= true) & (true <= ends[..., 1])).mean()
        assert inside == pytest.approx(high - low, abs=0.13)  # of 30 images
    assert (np.diff(made.quantiles, axis=2) >= 0).all()
    assert ((made.std_aleatoric > 0) & (made.std_epistemic > 0)).all()
    assert np.median(made.distance) == pytest.approx(0.5, abs=0.05)
    assert np.median(made.agreement) == pytest.approx(0.5, abs=0.05)


def test_an_image_gives_the_same_bits_alone_and_at_any_position(file, domains):
    images, _ = validation(domains[2])
    images = np.tile(images, (6, 1, 1, 1))[:150]
    images *= np.linspace(0.5, 2, 150, dtype="f4")[:, None, None, None]
    network = MeasuringNetwork.read(file)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        many, backwards = network.measure(images), network.measure(images[::-1])
    finally:
        torch.set_num_threads(threads)
    for position in (0, 1, 5, 63, 64, 100, 149):
        alone = network.measure(images[position : position + 1])
        for name, values in vars(many).items():
            if name == "parameters":
                continue
            pairs = values.items() if name == "conformal" else [(None, values)]
            for key, value in pairs:
                one, other = (vars(made)[name] if key is None else vars(made)[name][key] for made in (alone, backwards))
                assert np.array_equal(value[position], one[0]), name
                assert np.array_equal(value[position], other[149 - position]), name


def test_what_is_unlike_the_domain_is_far_from_it(file, domains):
    images, _ = validation(domains[2])
    network = MeasuringNetwork.read(file)
    odd = images.std() * 10 * np.random.default_rng(0).normal(size=(5, 1, PIXELS, PIXELS)).astype("f4")
    assert (network.measure(odd).distance == 0).all()
    assert network.measure(images).distance.mean() > 0.4


def test_another_domain_has_its_own_normalisation(file, domains):
    """The sky is 50 times as bright; as the clean domain its images are far from anything."""
    images, true = validation(domains[2])
    own, other = (MeasuringNetwork.read(file, name).measure(images) for name in ("sky", "clean"))
    errors = [np.abs(made.quantiles[..., MEDIAN] - true).mean() for made in (own, other)]
    assert errors[0] < errors[1]
    assert (other.distance == 0).all()


def test_images_of_another_kind_are_refused(file):
    network = MeasuringNetwork.read(file)
    with pytest.raises(ValueError, match=r"shape \(3, 2, 12, 12\)"):
        network.measure(np.zeros((3, 2, PIXELS, PIXELS), "f4"))
    broken = np.zeros((3, 1, PIXELS, PIXELS), "f4")
    broken[1, 0, 2, 2] = np.nan
    with pytest.raises(ValueError, match="image 1: .*not finite"):
        network.measure(broken)
    assert len(network.measure(np.zeros((0, 1, PIXELS, PIXELS), "f4"))) == 0


def test_files_that_do_not_measure_are_refused_by_name(file, tmp_path):
    with pytest.raises(ValueError, match="did you mean 'clean'"):
        MeasuringNetwork.read(file, "clear")
    trained = file.with_name("model.safetensors")
    with pytest.raises(ValueError, match="model.safetensors: holds trained networks without a calibration"):
        MeasuringNetwork.read(trained)
    content = file.read_bytes()
    for name, data in {
        "short": content[:-100],
        "flipped": content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name}: not a readable network file"):
            MeasuringNetwork.read(tmp_path / name)
    save_file(load_file(file), tmp_path / "bare")
    with pytest.raises(ValueError, match="bare: not a readable network file"):
        MeasuringNetwork.read(tmp_path / "bare")
    with pytest.raises(ValueError, match="absent: not a readable network file"):
        MeasuringNetwork.read(tmp_path / "absent")


@pytest.mark.parametrize(
    ("loss", "angles"),
    [("mse", "sin_cos"), ("gaussian_nll", "sin_cos"), ("gaussian_nll", "degrees"), ("flow", "degrees")],
)
def test_intervals_of_angles_go_on_beyond_the_ends_of_the_range(tmp_path, domains, loss, angles):
    path = make(tmp_path, domains[:2], ("theta_E", "theta"), loss=loss, angles=angles)
    part = load_part(domains[0].shards, domains[0].bounds["validation"], ["theta_E", "theta"])
    made = MeasuringNetwork.read(path, "clean").measure(part.images[:].numpy())
    raw = made.raw_quantiles[:, 1]
    assert ((raw[:, MEDIAN] >= 0) & (raw[:, MEDIAN] < 180)).all()
    assert (np.diff(raw, axis=1) >= 0).all()
    true, (low, high) = part.labels[:, 1].numpy(), made.quantiles[:, 1, [LEVELS.index(0.16), LEVELS.index(0.84)]].T
    middle = (low + high) / 2
    off = np.abs((true - middle + 90) % 180 - 90)
    assert (off <= (high - low) / 2).mean() == pytest.approx(0.68, abs=0.13)  # of 32 images


def test_quantiles_of_mixtures_are_those_of_scipy():
    random = np.random.default_rng(1)
    mean, std = random.normal(0, 3, (20, 4)), random.uniform(0.01, 3, (20, 4))
    found = mixture_quantiles(torch.from_numpy(mean), torch.from_numpy(std)).numpy()
    for row in range(20):
        whole = np.sqrt(np.square(std[row]).mean() + mean[row].var())
        for level, value in list(zip(LEVELS, found[row], strict=True))[::9]:
            exact = brentq(lambda x: norm.cdf(x, mean[row], std[row]).mean() - level, -40, 40, xtol=1e-12)  # noqa: B023
            assert value == pytest.approx(exact, abs=1e-5 * whole)
    one = mixture_quantiles(torch.tensor([[2.0]], dtype=torch.float64), torch.tensor([[3.0]], dtype=torch.float64))
    assert one[0].tolist() == pytest.approx(norm.ppf(LEVELS, 2, 3).tolist())
