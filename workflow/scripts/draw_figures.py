"""Rules draw_figures_<study>."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Study, Survey
from sim2sky.paths import Paths
from sim2sky.report.figures.draw import draw_figures

params = snakemake.params
draw_figures(
    params.name,
    Study.model_validate(params.study),
    Paths(params.config["results"]),
    {name: Survey.model_validate(survey) for name, survey in params.surveys.items()},
    params.config["cutouts"],
    partial=params.config["partial"],
    fingerprint=params.code,
)
bring_back_dates(snakemake.config["results"], snakemake.input)
