"""Rule gather_catalogue."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.measure.tables import join_parts

for file in join_parts(snakemake.input.parts, snakemake.output.catalogue):
    print(file, flush=True)
bring_back_dates(snakemake.config["results"], snakemake.input)
