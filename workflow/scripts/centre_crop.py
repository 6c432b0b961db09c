"""Rule centre_crop."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import CentreCrop
from sim2sky.observe.centre import centre_crop_shard

centre_crop_shard(
    CentreCrop.model_validate(snakemake.params.centre_crop),
    snakemake.input.shard,
    snakemake.output.shard,
    snakemake.params.code,
)
bring_back_dates(snakemake.config["results"], snakemake.input)
