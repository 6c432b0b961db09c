# Figures of each study, and one page with all studies.

# A rule per study, because the names of its figures follow from its configuration.
for study in STUDIES:

    rule:
        name:
            f"draw_figures_{study}"
        input:
            partial(figure_inputs, study=study),
        output:
            **{
                name: report(
                    path,
                    caption=f"../report/{figure_plan(STUDIES[study])[name][0]}.rst",
                    category="Figures",
                    subcategory=study,
                    labels={"figure": name},
                )
                for name, path in figures_of(study).items()
            },
        params:
            name=study,
            study=STUDIES[study].params(),
            surveys=surveys_of(study),
            config={"results": CONFIG.results, "cutouts": cutouts_of(study), "partial": CONFIG.partial},
            code=code("draw_figures"),
        log:
            log_of("draw_figures", study),
        benchmark:
            benchmark_of("draw_figures", study)
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=figure_memory,
            runtime=figure_runtime,
        message:
            f"Drawing the figures of {study}"
        script:
            "../scripts/draw_figures.py"


rule write_report:
    input:
        metrics=expand(PATHS.metrics, study=TRAINED_STUDIES),
        summaries=expand(PATHS.summary, study=TRAINED_STUDIES),
        made_from=list(made_from()),
        figures=[path for study in STUDIES for path in figures_of(study).values()],
        cross_validation=list(cross_validations().values()),
        analyses=[path for tables in analysis_tables().values() for path in tables.values()],
    output:
        report=PATHS.report,
    params:
        studies={name: study.params() for name, study in STUDIES.items()},
        trained_studies=TRAINED_STUDIES,
        full={name: study.params() for name, study in FULL_STUDIES.items()},
        surveys={name: survey for study in STUDIES for name, survey in surveys_of(study).items()},
        figures={study: figures_of(study) for study in STUDIES},
        cross_validation=cross_validations(),
        analyses=analysis_tables(),
        made_from=made_from(),
        code_of_networks={study: {path: digest(training_code(study, run)) for run, _, path in of_all_runs(PATHS.model, study)} for study in TRAINED_STUDIES},
        code=code("write_report"),
        code_of_rules={rule: digest(code(rule, **in_use())) for rule in ("simulate_shard", "inject_noise", "train", "predict", "evaluate_run")},
    log:
        log_of("write_report", "report"),
    benchmark:
        benchmark_of("write_report", "report")
    conda:
        "../envs/sim2sky.yaml"
    threads: 1
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    message:
        "Writing {output.report}"
    script:
        "../scripts/write_report.py"
