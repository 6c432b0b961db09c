"""Rule draw_figures."""

from sim2sky.logs import tee

tee(snakemake.log[0])
