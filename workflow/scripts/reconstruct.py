"""Rule reconstruct."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import read_simulation
from sim2sky.evaluate.reconstruction import reconstruct_block

given = dict(snakemake.params.reconstruction)
reconstruct_block(
    snakemake.input.predictions,
    snakemake.input.shards,
    read_simulation(given.pop("simulation")),
    **given,
    **dict(snakemake.output.items()),
    fingerprint=snakemake.params.code,
)
bring_back_dates(snakemake.config["results"], snakemake.input)
