"""Rules train_source_only and adapt: the same loop, with and without a target domain."""

from sim2sky.config import Method, Recipe
from sim2sky.logs import tee
from sim2sky.train.block import train_block
from sim2sky.train.data import Domain

tee(snakemake.log[0])
training = snakemake.params.training
first, last = map(int, snakemake.wildcards.seeds.split("-"))
train_block(
    Recipe.model_validate(training["recipe"]),
    Method.model_validate(training["method"]),
    training["targets"],
    range(first, last + 1),
    Domain(**training["source"]),
    Domain(**training["adapt_to"]) if training["adapt_to"] else None,
    snakemake.output.model,
    snakemake.output.history,
    snakemake.params.code,
    snakemake.threads,
    watch=Domain(**training["watch"]) if training["watch"] else None,
)
