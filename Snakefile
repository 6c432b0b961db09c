configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"


if CONFIG.container:

    container: CONFIG.container


include: "workflow/rules/simulate.smk"
include: "workflow/rules/observe.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/adapt.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/records.smk"
include: "workflow/rules/hooks.smk"


rule all:
    default_target: True
    input:
        report=PATHS.report,
        summaries=expand(PATHS.summary, study=TRAINED_STUDIES),
        networks=measuring_networks(),
        catalogues=[path for study in STUDIES for path in catalogues_of(study).values()],
