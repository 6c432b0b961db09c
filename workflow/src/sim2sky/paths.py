"""Every path that is written, nearly all under the results folder, as Snakemake patterns; rules, scripts and tests take them from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim2sky.config import Study

WEIGHTS = "resources/weights/{network}.pth"  # of ImageNet; not a result, so that it outlives them


def of_run(pattern: str, name: str, study: Study, run: str, seeds: str) -> str:
    """The path that `pattern` stands for, of a run and a block of seeds of the study called `name`.

    Its ``{stage}`` is the one that trains the run's networks.
    """
    return pattern.format(stage=study.runs[run].stage, study=name, run=run, seeds=seeds)


class Paths:
    """Path patterns below one results folder.

    Parameters
    ----------
    results : str
        The folder, ``results`` by default.
    """

    def __init__(self, results: str = "results"):
        shard = "{shard}.zarr.zip"
        block = "{study}/{run}/{seeds}"
        self.results = results
        self.simulated = f"{results}/simulate/{{simulation}}/{shard}"
        self.centred = f"{results}/observe/{{dataset}}/centred/{shard}"
        self.observed = f"{results}/observe/{{dataset}}/{shard}"
        self.model = f"{results}/{{stage}}/{block}/model.safetensors"
        self.history = f"{results}/{{stage}}/{block}/history.csv"
        self.cross_validation = f"{results}/train/{{study}}/cross_validation.csv"
        self.cross_validation_provenance = f"{results}/train/{{study}}/provenance.json"
        self.predictions = f"{results}/evaluate/{block}/predictions.parquet"
        self.latents = f"{results}/evaluate/{block}/latents.zarr.zip"
        self.run_metrics = f"{results}/evaluate/{block}/metrics.csv"
        self.metrics = f"{results}/evaluate/{{study}}/metrics.csv"
        self.provenance = f"{results}/evaluate/{{study}}/provenance.json"
        self.degeneracy = f"{results}/evaluate/{{study}}/degeneracy.csv"
        self.degeneracy_provenance = f"{results}/evaluate/{{study}}/degeneracy.json"
        self.degenerate_images = f"{results}/evaluate/{{study}}/degeneracy.zarr.zip"
        self.reconstruction = f"{results}/evaluate/{{study}}/reconstruction.csv"
        self.reconstruction_provenance = f"{results}/evaluate/{{study}}/reconstruction.json"
        self.reconstructed_images = f"{results}/evaluate/{{study}}/reconstruction.zarr.zip"
        self.network = f"{results}/measure/{{study}}/{{run}}/network.safetensors"
        self.catalogue = f"{results}/measure/{{study}}/{{run}}/{{dataset}}.parquet"
        self.catalogue_part = f"{results}/measure/{{study}}/{{run}}/{{dataset}}/{{shard}}.parquet"
        self.quantiles = f"{results}/measure/{{study}}/{{run}}/{{dataset}}_quantiles.zarr.zip"
        self.errors = f"{results}/evaluate/{{study}}/errors.csv"
        self.errors_provenance = f"{results}/evaluate/{{study}}/errors.json"
        self.summary = f"{results}/evaluate/{{study}}/summary.csv"
        self.network = f"{results}/measure/{{study}}/{{run}}/network.safetensors"
        self.figure = f"{results}/report/{{study}}/{{figure}}.png"
        self.report = f"{results}/report/report.html"
        self.logs = f"{results}/logs"
        self.benchmarks = f"{results}/benchmarks"
