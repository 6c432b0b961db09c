"""Rule write_report."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Study, Survey
from sim2sky.provenance.record import versions
from sim2sky.report.page.write import write_report

params = snakemake.params
write_report(
    snakemake.output.report,
    {name: Study.model_validate(study) for name, study in params.studies.items()},
    dict(zip(params.trained_studies, snakemake.input.summaries, strict=True)),
    dict(zip(params.trained_studies, snakemake.input.metrics, strict=True)),
    params.figures,
    {"versions": versions(), "code fingerprints": params.code_of_rules, "configuration": params.studies},
    full={name: Study.model_validate(study) for name, study in params.full.items()},
    surveys={name: Survey.model_validate(survey) for name, survey in params.surveys.items()},
    cross_validation=params.cross_validation,
    analyses=params.analyses,
    made_from=params.made_from,
    code_of_networks=params.code_of_networks,
)
bring_back_dates(snakemake.config["results"], snakemake.input)
