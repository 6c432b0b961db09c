"""Rule calibrate."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Recipe
from sim2sky.data.domain import Domain
from sim2sky.measure.calibrate import calibrate

given = dict(snakemake.params.calibration)
recipe, domains = Recipe.model_validate(given.pop("recipe")), [Domain(**domain) for domain in given.pop("domains")]
job = {"network": snakemake.output.network, "fingerprint": snakemake.params.code, "threads": snakemake.threads}
calibrate(models=snakemake.input.models, recipe=recipe, domains=domains, **given, **job)
bring_back_dates(snakemake.config["results"], snakemake.input)
