"""Rules draw_figures_<study>."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Study, Survey
from sim2sky.report.figures.draw import draw_figures

params, study = snakemake.params, Study.model_validate(snakemake.params.study)
draw_figures(
    study,
    {kind: dict(zip(keys, snakemake.input[kind], strict=True)) for kind, keys in params.input_keys.items()},
    dict(snakemake.output.items()),
    {name: Survey.model_validate(survey) for name, survey in params.surveys.items()},
    partial=params.partial,
    fingerprint=params.code,
    cutouts=params.cutouts,
)
bring_back_dates(snakemake.config["results"], snakemake.input)
