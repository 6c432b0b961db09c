"""Rule aggregate_metrics."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Study, Survey
from sim2sky.evaluate.aggregate import aggregate
from sim2sky.paths import Paths

params, files = snakemake.params, dict(snakemake.output.items())
surveys = {name: Survey.model_validate(survey) for name, survey in params.surveys.items()}
study, about = Study.model_validate(params.study), {"surveys": surveys, "cutouts": params.cutouts}
paths, name = Paths(snakemake.config["results"]), snakemake.wildcards.study
aggregate(name, study, snakemake.input.metrics, **files, paths=paths, **about, fingerprint=params.code)
bring_back_dates(snakemake.config["results"], snakemake.input)
