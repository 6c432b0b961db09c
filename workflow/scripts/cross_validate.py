"""Rule cross_validate."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import CrossValidation, Recipe
from sim2sky.data.domain import Domain
from sim2sky.train.cross_validation import cross_validate

training = snakemake.params.training
cross_validate(
    Recipe.model_validate(training["recipe"]),
    CrossValidation.model_validate(training["cross_validation"]),
    training["targets"],
    Domain(**training["domain"]),
    snakemake.output.table,
    threads=snakemake.threads,
    provenance=snakemake.output.provenance,
    fingerprint=snakemake.params.code,
)
bring_back_dates(snakemake.config["results"], snakemake.input)
