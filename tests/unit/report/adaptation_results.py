"""Made-up results of a study that adapts, as small as the report can do with; used by ``test_report.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from sim2sky import store
from sim2sky.config import Study, merge
from sim2sky.evaluate.aggregate import aggregate
from sim2sky.evaluate.run_metrics import evaluate_run
from sim2sky.paths import Paths

ROOT = Path(__file__).parents[3]
SHRINK = {
    "seeds": 3,
    "seeds_per_job": 2,
    "simulations": {"galaxy_lenses": {"lenses": 200, "shard_size": 100, "pixels": 24}},
    "recipes": {name: {"epochs": 4} for name in ("paper", "matched_lr", "normalised", "tuned")},
}
MISSING = ("paper-mmd",)
LEFT_OUT = ("normalised-none", "normalised-dann", "normalised-mmd", "tuned-dann", "tuned-mmd", "tuned-oracle")
# scatter of the made-up predictions [arcsec] by method, on the source and on a target
SCATTER = {"none": (0.1, 0.6), "dann": (0.12, 0.2), "mmd": (0.1, 0.18), "oracle": (0.3, 0.1)}


def small_study(change: dict | None = None, rename: dict[str, str] | None = None) -> Study:
    """The shipped study at toy size; `rename` replaces names throughout, to prove that none is wired in."""
    text = (ROOT / "config/studies/einstein_radius.yaml").read_text()
    shrink = yaml.safe_dump(merge(SHRINK, change or {}))
    for old, new in (rename or {}).items():
        text, shrink = text.replace(old, new), shrink.replace(old, new)
    raw = merge(yaml.safe_load(text), yaml.safe_load(shrink))
    for run in LEFT_OUT:
        raw["runs"].pop(run, None)
    return Study.model_validate(raw)


def make_results(name: str, study: Study, paths: Paths, skip: tuple[str, ...] = (), true: float | None = None) -> None:
    """Every file that the report reads, with numbers that resemble the real ones; none of the runs in `skip`.

    All lenses have the value `true` if it is given.
    """
    for dataset in study.datasets:
        _make_shards(study, dataset, paths)
    files = []
    for run in set(study.runs) - set(skip):
        for block in study.seed_blocks:
            files.append(_make_run(name, study, run, block, paths, value=true))
    where = {"study": name}
    aggregate(name, study, files, paths.metrics.format(**where), paths.summary.format(**where))
    if study.cross_validation:
        _make_cross_validation(study, Path(paths.cross_validation.format(**where)))


def _make_shards(study: Study, dataset: str, paths: Paths) -> None:
    simulation = study.simulations[study.datasets[dataset].simulation]
    noise = 0.0 if dataset == next(iter(study.datasets)) else 0.1
    for shard in simulation.shards:
        first, last = map(int, shard.split("-"))
        lens = np.arange(first, last + 1)
        random = np.random.default_rng(first)
        theta = random.uniform(0.5, 3, len(lens))
        grid = (np.arange(simulation.pixels) - (simulation.pixels - 1) / 2) * simulation.pixel_scale
        radius = np.hypot(*np.meshgrid(grid, grid))
        image = 5 * np.exp(-0.5 * ((radius - theta[:, None, None]) / 0.4) ** 2) + 20 * np.exp(-(radius**2))
        image = (image + noise * random.normal(size=image.shape))[:, None].astype(np.float32)
        per_band = dict.fromkeys(("seeing", "sky_brightness", "num_exposures"), np.ones((len(lens), 1)))
        per_band["sigma_background"] = np.full((len(lens), 1), noise)
        per_band["signal_to_noise"] = (
            random.uniform(10, 200, (len(lens), 1)) if noise else np.full((len(lens), 1), np.inf)
        )
        variables = {key: store.Variable(value, ("lens", "band")) for key, value in per_band.items()}
        variables |= {"image": store.Variable(image, store.IMAGE_DIMS), "lens": store.Variable(lens)}
        variables[study.targets[0]] = store.Variable(theta)
        attributes = {"pixel_scale": simulation.pixel_scale, "bands": simulation.bands, "zero_point": [26.58]}
        store.write_shard(paths.observed.format(dataset=dataset, shard=shard), variables, attributes)


def _make_run(
    name: str, study: Study, run: str, block: str, paths: Paths, lenses: int = 60, value: float | None = None
) -> Path:
    about, methods = study.runs[run], list(SCATTER.values())
    widths = methods[list(study.methods).index(about.method) % len(methods)]
    first, last = map(int, block.split("-"))
    frames, random = [], np.random.default_rng(len(run) + first)
    true = random.uniform(0.5, 3, lenses) if value is None else np.full(lenses, value)
    for seed in range(first, last + 1):
        for domain in about.evaluate_on:
            for statistics, more in (("running", 1.5), ("batch", 1.0), ("adabn", 1.1)):
                width = widths[domain != next(iter(study.datasets))] * more * random.uniform(0.8, 1.2)
                table = {
                    "domain": domain,
                    "seed": seed,
                    "statistics": statistics,
                    "lens": np.arange(lenses),
                    "parameter": study.targets[0],
                    "true": true,
                }
                table |= {
                    "predicted": true + width * random.normal(size=lenses),
                    "seeing": random.uniform(0.8, 1.5, lenses),
                }
                table |= {"signal_to_noise": random.lognormal(4, 0.6, lenses), "sky_brightness": 22.0}
                frames.append(pd.DataFrame(table))
    where = {"study": name, "run": run, "seeds": block, "stage": "adapt" if about.target else "train"}
    predictions, latents, history, metrics = (
        Path(pattern.format(**where))
        for pattern in (paths.predictions, paths.latents, paths.history, paths.run_metrics)
    )
    predictions.parent.mkdir(parents=True, exist_ok=True)
    history.parent.mkdir(parents=True, exist_ok=True)
    pd.concat(frames).to_parquet(predictions)
    latent = {"lens": store.Variable(np.arange(lenses))}
    for index, domain in enumerate(about.evaluate_on):
        shift = index * 6 * widths[1]
        latent[f"latent_{domain}"] = store.Variable(
            (random.normal(size=(lenses, 8)) + shift + true[:, None]).astype(np.float32), ("lens", "latent")
        )
        latent[f"lens_{domain}"], latent[f"{study.targets[0]}_{domain}"] = latent["lens"], store.Variable(true)
    attributes = {"domains": about.evaluate_on, "targets": study.targets, "seed": first, "statistics": "batch"}
    store.write_shard(latents, latent, attributes)
    epochs = study.recipe_of(run).epochs
    rows = [
        {
            "seed": seed,
            "epoch": epoch,
            "lr": 1e-4,
            "loss": 1 / epoch,
            "source_r2": 1 - 1 / epoch - 0.02 * seed,
            "source_rmse": 0.2,
        }
        | {
            "target_r2": 1 - 2 / epoch + 0.03 * seed if about.second_domain else None,
            "adaptation_loss": None,
            "target_rmse": None,
        }
        for seed in range(first, last + 1)
        for epoch in range(1, epochs + 1)
    ]
    curves = pd.DataFrame(rows)
    if value is not None:
        curves[["source_r2", "target_r2"]] = np.nan
    curves.to_csv(history, index=False)
    evaluate_run(
        predictions,
        latents,
        metrics,
        run=run,
        method=about.method,
        recipe=about.recipe,
        source=about.source,
        target=about.target,
    )
    return metrics


def _make_cross_validation(study: Study, path: Path) -> None:
    cross = study.cross_validation
    (key, values), random = next(iter(cross.grid.items())), np.random.default_rng(0)
    rows = [
        {key: value, "fold": fold, "r2": random.uniform(0.8, 0.9)} for value in values for fold in range(cross.folds)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
