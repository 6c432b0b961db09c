"""Rule fetch_weights."""

from sim2sky.logs import tee
from sim2sky.models import imagenet

tee(snakemake.log[0])
imagenet.fetch(snakemake.wildcards.network, snakemake.output.weights)
