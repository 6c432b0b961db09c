"""Rule evaluate_run."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.evaluate.run_metrics import evaluate_run

files = snakemake.input
evaluate_run(
    files.predictions,
    files.latents,
    snakemake.output.metrics,
    history=files.get("history") or None,
    **snakemake.params.run,
)
bring_back_dates(snakemake.config["results"], snakemake.input)
