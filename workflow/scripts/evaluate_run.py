"""Rule evaluate_run."""

from sim2sky.evaluate.run import evaluate_run
from sim2sky.logs import tee

tee(snakemake.log[0])
evaluate_run(snakemake.input.predictions, snakemake.input.latents, snakemake.output.metrics, **snakemake.params.run)
