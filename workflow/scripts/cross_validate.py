"""Rule cross_validate."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import CrossValidation, Recipe
from sim2sky.data.domain import Domain
from sim2sky.train.cross_validation import cross_validate

given, files = snakemake.params.training, dict(snakemake.output.items())
recipe = Recipe.model_validate(given["recipe"])
cross = CrossValidation.model_validate(given["cross_validation"])
job = {"fingerprint": snakemake.params.code, "threads": snakemake.threads}
cross_validate(recipe, cross, given["targets"], Domain(**given["domain"]), **files, **job)
bring_back_dates(snakemake.config["results"], snakemake.input)
