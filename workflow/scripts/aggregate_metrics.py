"""Rule aggregate_metrics."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Study, Survey
from sim2sky.evaluate.aggregate import aggregate
from sim2sky.paths import Paths

aggregate(
    snakemake.wildcards.study,
    Study.model_validate(snakemake.params.study),
    snakemake.input.metrics,
    **dict(snakemake.output.items()),
    paths=Paths(snakemake.config["results"]),
    surveys={name: Survey.model_validate(survey) for name, survey in snakemake.params.surveys.items()},
    fingerprint=snakemake.params.code,
)
bring_back_dates(snakemake.config["results"], snakemake.input)
