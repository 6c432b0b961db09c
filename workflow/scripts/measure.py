"""Rule measure."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.measure.shards import measure_shard

given, code = snakemake.params.measurement, snakemake.params.code
files = {name: snakemake.input[name] for name in ("network", "shard")}
measure_shard(**files, **given, output=snakemake.output.part, fingerprint=code)
bring_back_dates(snakemake.config["results"], snakemake.input)
