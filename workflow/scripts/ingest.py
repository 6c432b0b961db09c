"""Rule ingest."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Reading
from sim2sky.observe.ingest import Frame, list_images, write_image_shard

params, (first, last) = snakemake.params, map(int, snakemake.wildcards.shard.split("-"))
entries = list_images(snakemake.input.images)[first : last + 1]
frame = Frame(**{key: tuple(value) if isinstance(value, list) else value for key, value in params.frame.items()})
reading = Reading.model_validate(params.reading)
write_image_shard(entries, frame, reading, snakemake.output.shard, params.code, params.files)
bring_back_dates(snakemake.config["results"], snakemake.input)
