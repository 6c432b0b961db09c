"""Rule inject_noise."""

from sim2sky.config import Dataset, Survey
from sim2sky.logs import tee
from sim2sky.observe.shard import observe_shard

tee(snakemake.log[0])
observe_shard(
    Dataset.model_validate(snakemake.params.dataset),
    Survey.model_validate(snakemake.params.survey),
    snakemake.input.shard,
    snakemake.output.shard,
    snakemake.params.code,
    lenses=snakemake.params.lenses,
    cutouts=snakemake.input.get("cutouts") or None,
)
