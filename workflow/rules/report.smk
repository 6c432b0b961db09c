# Figures of each study, and one page with all studies.
from functools import partial

from sim2sky.report.names import figure_names


def figure_inputs(wildcards, study):
    """All that the figures of a study show; with `partial`, what there is of it."""
    config, tables = STUDIES[study], [PATHS.metrics.format(study=study), PATHS.summary.format(study=study)]
    others = [path for pattern in (PATHS.history, PATHS.predictions, PATHS.latents) for _, _, path in of_all_runs(pattern, study)]
    others += [shard for dataset in config.datasets for shard in shards_of(dataset)]
    others += {CONFIG.cutouts[dataset.background.cutouts] for dataset in config.datasets.values() if dataset.background}
    if config.cross_validation:
        others.append(PATHS.cross_validation.format(study=study))
    return tables + [path for path in others if not CONFIG.partial or Path(path).exists()]


def figures_of(study):
    return {name: PATHS.figure.format(study=study, figure=name) for name in figure_names(STUDIES[study])}


def surveys_of(study):
    names = sorted({dataset.survey for dataset in STUDIES[study].datasets.values()})
    return {name: SURVEYS[name].params() for name in names}


# A rule per study, because the names of its figures follow from its configuration.
for study in STUDIES:

    rule:
        name:
            f"draw_figures_{study}"
        input:
            partial(figure_inputs, study=study),
        output:
            **{
                name: report(path, caption="../report/figure.rst", category="Figures", subcategory=study, labels={"figure": name})
                for name, path in figures_of(study).items()
            },
        params:
            name=study,
            study=STUDIES[study].params(),
            surveys=surveys_of(study),
            cutouts=CONFIG.cutouts,
            results=CONFIG.results,
            code=code("draw_figures"),
        log:
            log_of("draw_figures", study),
        benchmark:
            benchmark_of("draw_figures", study)
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        message:
            f"Drawing the figures of {study}"
        script:
            "../scripts/draw_figures.py"


rule write_report:
    input:
        metrics=expand(PATHS.metrics, study=STUDIES),
        summaries=expand(PATHS.summary, study=STUDIES),
        figures=[path for study in STUDIES for path in figures_of(study).values()],
    output:
        report=PATHS.report,
    params:
        studies={name: study.params() for name, study in STUDIES.items()},
        results=CONFIG.results,
        code=code("write_report"),
    log:
        log_of("write_report", "report"),
    benchmark:
        benchmark_of("write_report", "report")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Writing {output.report}"
    script:
        "../scripts/write_report.py"
