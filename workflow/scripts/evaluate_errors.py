"""Rule evaluate_errors."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Study, Survey
from sim2sky.evaluate.errors import evaluate_errors

params = snakemake.params
evaluate_errors(
    Study.model_validate(params.study),
    snakemake.input.quantiles,
    **dict(snakemake.output.items()),
    surveys={name: Survey.model_validate(survey) for name, survey in params.surveys.items()},
    cutouts=params.cutouts,
    fingerprint=params.code,
)
bring_back_dates(snakemake.config["results"], snakemake.input)
