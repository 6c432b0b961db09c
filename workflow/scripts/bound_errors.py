"""Rule bound_errors."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.observe.information import bound_errors

files, params = snakemake.input, snakemake.params
bound_errors(files.shards, params.bounds, snakemake.output.table, params.code, files.get("psf", []))
bring_back_dates(snakemake.config["results"], files)
