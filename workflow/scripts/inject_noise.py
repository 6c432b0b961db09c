"""Rule inject_noise."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Dataset, Survey
from sim2sky.observe.counts import keep_as_simulated
from sim2sky.observe.shard import observe_shard

dataset, survey = Dataset.model_validate(snakemake.params.dataset), snakemake.params.survey
shards, code = (snakemake.input.shard, snakemake.output.shard), snakemake.params.code
if survey is None:
    keep_as_simulated(dataset, *shards, code)
else:
    files = snakemake.input
    more = snakemake.params.lenses | {"cutouts": files.get("cutouts") or None, "psf": list(files.get("psf", []))}
    observe_shard(dataset, Survey.model_validate(survey), *shards, code, **more)
bring_back_dates(snakemake.config["results"], snakemake.input)
