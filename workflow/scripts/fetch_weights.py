"""Rule fetch_weights."""

from sim2sky.jobs import tee

tee(snakemake.log[0])

from sim2sky.models import imagenet

imagenet.fetch(snakemake.wildcards.network, snakemake.output.weights)
