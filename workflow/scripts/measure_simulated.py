"""Rule measure_simulated."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.measure.shards import measure_simulated

files = {name: snakemake.output[name] for name in ("catalogue", "quantiles")}
given = snakemake.params.measurement | {"information": snakemake.input.get("information") or None}
measure_simulated(snakemake.input.network, **given, **files, fingerprint=snakemake.params.code)
bring_back_dates(snakemake.config["results"], snakemake.input)
