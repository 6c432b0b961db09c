"""Rule measure_images."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.measure.shards import measure_real

given = snakemake.input.network, snakemake.wildcards.dataset, snakemake.input.shard, snakemake.output.part
measure_real(*given, snakemake.params.code)
bring_back_dates(snakemake.config["results"], snakemake.input)
