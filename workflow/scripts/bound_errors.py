"""Rule bound_errors."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.observe.information import bound_errors

params, psf = snakemake.params, snakemake.input.get("psf", [])
bound_errors(snakemake.input.shards, params.bounds, snakemake.output.table, params.code, psf)
bring_back_dates(snakemake.config["results"], snakemake.input)
