"""Made-up results of a study that regresses six parameters, with runs that share a recipe; used by ``test_regression.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from sim2sky import store
from sim2sky.config import Study, merge
from sim2sky.evaluate.aggregate import aggregate
from sim2sky.evaluate.run_metrics import evaluate_run
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import write_networks
from sim2sky.paths import Paths

ROOT = Path(__file__).parents[3]
RANGES = {"x": (-200, 200), "y": (-200, 200), "R_E": (5, 50), "sigma": (5, 50), "sigma2": (5, 50), "theta": (0, 180)}
PLAIN = {"method": "none", "recipe": "plain", "source": "noise_free", "evaluate_on": ["noise_free"]}
STUDY = {
    "chapter": "regression",
    "targets": list(RANGES),
    "seeds": 3,
    "seeds_per_job": 2,
    "statistics": ["running"],
    "datasets": {"noise_free": {"title": "Clean images"}},
    "methods": {"none": {"title": "No adaptation", "adaptation": "none"}},
    "recipes": {"plain": {"network": "lens_cnn", "epochs": 6, "batch_size": 10, "optimiser": {"lr": 1e-3}}},
    "runs": {
        "alexnet": PLAIN,
        "inception_v3-pretrained": PLAIN | {"change": {"optimiser": {"lr": 1e-4}}},
        "inception_v3-pretrained-longer": PLAIN
        | {"change": {"optimiser": {"lr": 1e-5}}, "start_from": "inception_v3-pretrained"},
        "mnasnet": PLAIN,
        "vgg19_bn-ours": PLAIN | {"change": {"standardise": True, "angles": "sin_cos"}},
    },
    "published": [
        {
            "run": run,
            "domain": "noise_free",
            "statistics": "running",
            "parameter": parameter,
            "metric": metric,
            "mean": mean,
            "source": "Thesis",
        }
        for run, parameter, metric, mean in (
            ("alexnet", "mean", "mae", 2.91),
            ("inception_v3-pretrained", "mean", "mae", 1.03),
            ("inception_v3-pretrained", "theta", "mse", 60.5),
            ("mnasnet", "mean", "mae", 32.48),
        )
    ],
}
STUCK = {
    "seeds": 12,
    "seeds_per_job": 12,
    "stuck_at_mean": {"after_epochs": [3]},
    "runs": {
        f"{setting}-batch_{size}": PLAIN | {"change": merge(change, {"batch_size": size})}
        for setting, change in (
            ("default", {}),
            ("rmsprop", {"optimiser": {"name": "rmsprop"}}),
            ("mae", {"loss": "mae"}),
        )
        for size in (10, 100)
    },
    "published": [
        {
            "run": f"default-batch_{size}",
            "domain": "noise_free",
            "statistics": "batch",
            "metric": metric,
            "mean": mean,
            "source": "Thesis, Table 3.1",
        }
        for size, metric, mean in ((10, "stuck_fraction", 0.19), (100, "stuck_fraction_after_3", 0.72))
    ],
}
SCATTER = {"alexnet": 0.03, "mnasnet": 0.4, "vgg19_bn-ours": 0.004}  # of the made-up errors, in units of the range


def regression_study(change: dict | None = None) -> Study:
    """A study of six parameters on the simulation of the shipped one, at toy size."""
    raw = yaml.safe_load((ROOT / "config/studies/einstein_radius.yaml").read_text())
    raw["simulations"] = merge(raw["simulations"], {"galaxy_lenses": {"lenses": 80, "shard_size": 80, "pixels": 24}})
    datasets = {"noise_free": raw["datasets"]["noise_free"] | STUDY["datasets"]["noise_free"]}
    return Study.model_validate(raw | {"cross_validation": None} | STUDY | {"datasets": datasets} | (change or {}))


def make_regression(name: str, study: Study, paths: Paths, skip: tuple[str, ...] = ()) -> None:
    """Every file that the report reads, of all runs but those in `skip`."""
    truth = _make_shard(study, paths)
    files = []
    for number, run in enumerate(study.runs):
        for block in study.seed_blocks if run not in skip else ():
            files.append(_make_run(name, study, run, block, paths, truth, number))
    where = {"study": name}
    aggregate(name, study, files, paths.metrics.format(**where), paths.summary.format(**where))


def _make_shard(study: Study, paths: Paths) -> dict[str, np.ndarray]:
    random, (shard,) = np.random.default_rng(0), study.simulations["galaxy_lenses"].shards
    truth = {name: random.uniform(*limits, 80) for name, limits in RANGES.items()}
    y, x = np.mgrid[-12:12, -12:12]
    radius = np.hypot(x, y) - truth["R_E"][:, None, None] / 5
    image = np.round(255 * np.exp(-0.5 * (radius / 1.5) ** 2))[:, None].astype(np.float32)
    variables = {key: store.Variable(value) for key, value in truth.items()}
    variables |= {"image": store.Variable(image, store.IMAGE_DIMS), "lens": store.Variable(np.arange(80))}
    store.write_shard(paths.observed.format(dataset="noise_free", shard=shard), variables, {})
    return truth


def _make_run(
    name: str, study: Study, run: str, block: str, paths: Paths, truth: dict[str, np.ndarray], number: int
) -> Path:
    first, last = map(int, block.split("-"))
    where = {"study": name, "run": run, "seeds": block, "stage": "train"}
    patterns = (paths.model, paths.history, paths.predictions, paths.latents, paths.run_metrics)
    model, history, predictions, latents, metrics = (Path(pattern.format(**where)) for pattern in patterns)
    for path in (model, predictions):
        path.parent.mkdir(parents=True, exist_ok=True)
    weights = {
        seed: {"a.weight": torch.zeros(10**5 * (number + 1)), "n.running_mean": torch.zeros(7)} for seed in (0, 1)
    }
    write_networks(model, weights, LabelEncoding(study.targets), {})
    seeds = range(first, last + 1)
    pd.concat(_errors(run, seed, truth) for seed in seeds).to_parquet(predictions)
    store.write_shard(latents, {"lens": store.Variable(np.arange(80))}, {"domains": ["noise_free"], "seed": first})
    _curves(study, run, seeds).to_csv(history, index=False)
    about, stuck = study.runs[run], study.stuck_at_mean
    names = {"run": run, "method": about.method, "recipe": about.recipe, "source": about.source, "target": None}
    more = {"history": history, "after_epochs": stuck.after_epochs} if stuck else {}
    evaluate_run(predictions, latents, metrics, **names, **more)
    return metrics


def _errors(run: str, seed: int, truth: dict[str, np.ndarray]) -> pd.DataFrame:
    random, frames = np.random.default_rng([len(run), seed]), []
    for name, (low, high) in RANGES.items():
        error = SCATTER.get(run, 0.01) * (high - low) * random.standard_t(3, len(truth[name]))
        predicted = truth[name] + error * (1 + 0.1 * seed)
        table = {"parameter": name, "true": truth[name], "predicted": predicted, "lens": np.arange(len(error))}
        if name == "theta":
            table["predicted"] = predicted % 180
        frames.append(pd.DataFrame(table).assign(domain="noise_free", seed=seed))
    return pd.concat(frames).assign(statistics="running")


def _curves(study: Study, run: str, seeds: range) -> pd.DataFrame:
    recipe, random = study.recipe_of(run), np.random.default_rng(len(run))
    guess = 1.0 if recipe.standardise else 6000.0 if recipe.loss == "mse" else 60.0
    rows = []
    for seed in seeds:
        stuck = run == "mnasnet" or random.random() < recipe.batch_size / 150
        for epoch in range(1, recipe.epochs + 1):
            loss = guess * ((1.001 + 0.2 * (epoch == 1)) if stuck else 0.9 / epoch**1.5)
            rows.append({"seed": seed, "epoch": epoch, "loss": loss, "guess_loss": guess, "source_loss": 1.1 * loss})
    return pd.DataFrame(rows).assign(lr=recipe.optimiser.lr, source_r2=0.5, target_r2=None)
