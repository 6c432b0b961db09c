"""Rule simulate_shard."""

from sim2sky.jobs import tee

tee(snakemake.log[0])

from sim2sky.config import read_simulation
from sim2sky.simulate.shard import simulate_shard

simulate_shard(
    read_simulation(snakemake.params.simulation),
    snakemake.wildcards.shard,
    snakemake.output.shard,
    snakemake.params.code,
)
