"""Rule simulate_shard."""

from sim2sky.config import read_simulation
from sim2sky.logs import tee
from sim2sky.simulate.shard import simulate_shard

tee(snakemake.log[0])
simulate_shard(
    read_simulation(snakemake.params.simulation),
    snakemake.wildcards.shard,
    snakemake.output.shard,
    snakemake.params.code,
)
