"""Rules train_source_only and adapt: the same loop, with and without a target domain."""

from sim2sky.config import Method, Recipe
from sim2sky.logs import tee
from sim2sky.train.block import train_block
from sim2sky.train.data import Domain
from sim2sky.train.start import Worst

tee(snakemake.log[0])
training, ranking = snakemake.params.training, snakemake.input.ranking
first, last = map(int, snakemake.wildcards.seeds.split("-"))
domains = {role: Domain(**domain) if domain else None for role, domain in training["domains"].items()}
train_block(
    recipe=Recipe.model_validate(training["recipe"]),
    method=Method.model_validate(training["method"]),
    targets=training["targets"],
    seeds=range(first, last + 1),
    **domains,
    model=snakemake.output.model,
    history=snakemake.output.history,
    fingerprint=snakemake.params.code,
    threads=snakemake.threads,
    start_from=snakemake.input.start or None,
    worst=Worst(ranking, **training["worst"]) if training["worst"] else None,
)
