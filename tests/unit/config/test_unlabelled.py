"""Datasets of real images: where they may stand in a study, and what is said where they may not."""

import pytest
import yaml

from sim2sky.config import Study, load
from sim2sky.config.check import check
from sim2sky.config.load import ConfigError
from sim2sky.config.references import mistakes
from sim2sky.config.unlabelled import counted, frame_of
from tests.unit.config.test_domains import COSMOSIM, GALAXIES, RUN, SURVEYS, changed, study

REAL = {"title": "Real", "images": {"folder": "mine", "like": "clean"}}
ADAPTED = RUN | {"method": "mmd", "target": "real"}
FOLDERS = {"mine": "images", "none": None}


def with_real(real=None, runs=None, **more):
    """A study that adapts to real images, with changes."""
    raw = study(runs={"first": ADAPTED} if runs is None else runs, **more)
    raw["datasets"]["real"] = REAL if real is None else real
    return raw


def problems(raw, counts=None):
    checked, wrong = check(Study, raw)
    if checked:
        wrong += mistakes(counted(checked, counts or {}), {}, SURVEYS, FOLDERS, counts or {})
    return [f"{'.'.join(map(str, path))}: {text}" for path, text in dict.fromkeys(wrong)]


def images(**changes):
    return REAL | {"images": REAL["images"] | changes}


def test_a_run_adapts_to_real_images():
    assert problems(with_real()) == []
    assert problems(with_real(), {"mine": 100}) == []


NO_LABELS = "real are real images without labels"
MISTAKES = [
    (with_real({"title": "Real"}), "datasets.real: needs either `simulation` or `images`"),
    (with_real(REAL | {"simulation": "one"}), "datasets.real: needs either `simulation` or `images`"),
    (with_real(images(like="cleen")), "datasets.real.images.like: unknown dataset 'cleen'; did you mean 'clean'?"),
    (with_real(images(like="real")), "datasets.real.images.like: real are real images as well"),
    (with_real(images(folder="mime")), "datasets.real.images.folder: unknown images 'mime'; did you mean 'mine'?"),
    (with_real(images(hduu=1)), "datasets.real.images.hduu: unknown key 'hduu'; did you mean 'hdu'?"),
    (with_real(runs={"first": RUN | {"source": "real"}}), f"runs.first.source: {NO_LABELS}"),
    (with_real(runs={"first": RUN | {"evaluate_on": ["clean", "real"]}}), f"runs.first.evaluate_on: {NO_LABELS}"),
    (
        with_real(cross_validation={"recipe": "short", "dataset": "real", "lenses": 40, "grid": {"epochs": [1]}}),
        f"cross_validation.dataset: {NO_LABELS}",
    ),
    (
        with_real(reconstruction={"run": "first", "dataset": "real"}),
        f"reconstruction.dataset: {NO_LABELS}",
    ),
    (
        with_real(
            published=[{"run": "first", "domain": "real", "statistics": "batch", "metric": "gap_closed", "mean": 1, "source": ""}]
        ),
        f"published.0.domain: {NO_LABELS}",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "words"), MISTAKES, ids=[words[:60] for _, words in MISTAKES])
def test_mistakes_are_named_with_their_place(raw, words):
    assert any(text.startswith(words) for text in problems(raw))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("survey", "des"),
        ("noise", "none"),
        ("peak_magnitude", 24),
        ("zero_point", 30),
        ("seed", 5),
        ("centre_crop", {"pixels": 20}),
        ("background", {"cutouts": "sky", "zero_point": 30, "pixel_scale": 0.263}),
    ],
)
def test_what_belongs_to_a_simulation_is_refused(key, value):
    assert f"datasets.real: {key}: real images have none to set; it belongs to a simulation" in problems(
        with_real(REAL | {key: value})
    )


def test_images_in_counts_have_no_zero_point_to_be_brought_to():
    raw = with_real(targets=["R_E"], simulation=COSMOSIM)
    assert any(text.startswith("datasets.real.images.like: clean has no survey") for text in problems(raw))


def test_a_network_takes_real_images_in_the_frame_of_its_own_alone():
    raw = with_real(images(like="noisy"), other=changed(GALAXIES, pixels=48))
    assert any(text.startswith("runs.first.target: real has 48 pixels a side") for text in problems(raw))


def test_too_few_images_are_named_once_they_are_counted():
    assert any("runs.first.target: 21 lenses to train on do not fill one batch" in text for text in problems(with_real(), {"mine": 30}))  # fmt: skip
    assert "datasets.real.split: leaves 1 of 1 images for train; at least 2 are needed" in problems(
        with_real(), {"mine": 1}
    )
    asked = problems(with_real(images(lenses=500)), {"mine": 30})
    assert "datasets.real.images.lenses: 500 are asked for, images holds 30 images" in asked


def test_real_images_are_as_those_that_they_are_like_in_their_own_number():
    raw = with_real(images(like="noisy", shard_size=20), dataset={"centre_crop": {"pixels": 30}, "zero_point": 27.5})
    raw["datasets"]["real"]["split"] = {"train": 1, "validation": 0, "test": 0}
    made = counted(Study.model_validate(raw), {"mine": 50})
    like, simulation = made.observed("real")
    assert simulation.shards == ["0000000-0000019", "0000020-0000039", "0000040-0000049"]
    assert like.split.bounds(simulation.lenses) == {"train": (0, 50), "validation": (50, 50), "test": (50, 50)}
    assert frame_of(like, simulation, SURVEYS["des"]) == {
        "bands": ["g"],
        "pixels": 30,
        "pixel_scale": 0.263,
        "zero_points": [27.5],
    }
    assert frame_of(*made.observed("clean"), SURVEYS["des"])["zero_points"] == [26]
    assert made.datasets["real"].images.reading_params == {"resample": False, "fill_up_to": 0.05}


# ---- the files


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Load a study that adapts to images at a path, below a project of its own."""
    monkeypatch.chdir(tmp_path)
    for folder in ("config/studies", "resources/surveys", "images"):
        (tmp_path / folder).mkdir(parents=True)
    for name, survey in SURVEYS.items():
        (tmp_path / f"resources/surveys/{name}.yaml").write_text(yaml.safe_dump(survey.params()))

    def configured(path, raw=None, count=lambda path: 60):
        runs = {"first": ADAPTED, "plain": RUN}
        (tmp_path / "config/studies/real.yaml").write_text(yaml.safe_dump(raw or with_real(runs=runs)))
        return load.load({"studies": ["real"], "images": {"mine": path}}, tmp_path, count=count)[1]["real"]

    return configured


def test_images_are_counted_when_the_configuration_is_read(configured):
    made = configured("images")
    assert made.datasets["real"].images.lenses == 60
    assert Study.model_validate(made.params()) == made


def test_without_a_path_the_dataset_is_left_out_with_its_runs(configured):
    made = configured(None)
    assert "real" not in made.datasets and list(made.runs) == ["plain"]
    with pytest.raises(ConfigError, match=r"runs: none is left without images\.mine, which has no path"):
        configured(None, with_real())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere", "config/config.yaml: images.mine: no such folder or file: nowhere"),
        ("results/observe", "config/config.yaml: images.mine: results/observe is inside results"),
        ("images/../results", "is inside results"),
    ],
)
def test_paths_that_cannot_be_are_named(configured, tmp_path, path, words):
    (tmp_path / "results/observe").mkdir(parents=True)
    with pytest.raises(ConfigError) as error:
        configured(path)
    assert words in str(error.value)


def test_a_list_that_cannot_be_read_is_a_mistake_of_the_configuration(configured):
    def count(path):
        raise ValueError(f"{path}: holds no FITS files")

    with pytest.raises(ConfigError, match=r"config/config\.yaml: images\.mine: images: holds no FITS files"):
        configured("images", count=count)


def test_a_dataset_that_others_are_like_stays_where_only_these_are_used(configured):
    raw = with_real(images(like="noisy"), only_runs=["first"])
    assert set(configured("images", raw).datasets) == {"clean", "noisy", "real"}
