"""Rule compare_degenerate."""

from sim2sky.jobs import tee

tee(snakemake.log[0])

from sim2sky.config import Degeneracy
from sim2sky.evaluate.degeneracy import compare_degenerate

compare_degenerate(
    Degeneracy.model_validate(snakemake.params.degeneracy),
    snakemake.output.table,
    snakemake.output.images,
    snakemake.params.code,
    snakemake.threads,
    snakemake.output.provenance,
)
