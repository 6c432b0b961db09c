"""Rule centre_crop."""

from sim2sky.config import CentreCrop
from sim2sky.logs import tee
from sim2sky.observe.centre import centre_crop_shard

tee(snakemake.log[0])
centre_crop_shard(
    CentreCrop.model_validate(snakemake.params.centre_crop),
    snakemake.input.shard,
    snakemake.output.shard,
    snakemake.params.code,
)
