# Figures of each study, and one page with all studies.


def figure_inputs(wildcards, study):
    """All that the figures of a study show; with `partial`, what there is of it."""
    config = STUDIES[study]
    tables = expand([PATHS.metrics, PATHS.summary], study=[study] if config.runs else [])
    # figures of a regression give the number of trained parameters, which is in the networks' files
    patterns = [PATHS.history, PATHS.predictions, PATHS.latents, *([PATHS.model] if "parameter_scores" in {kind for kind, _ in figure_plan(config).values()} else [])]
    others = [path for pattern in patterns for _, _, path in of_all_runs(pattern, study)]
    others += [shard for dataset in config.datasets for shard in shards_of(dataset)]
    others += cutouts_of(study).values()
    others += [path for name, path in cross_validations().items() if name == study]
    others += [path for pair in analyses_of(study).values() for path in pair]
    return tables + [path for path in others if not CONFIG.partial or Path(path).exists()]


def cutouts_of(study):
    """Name and path of the survey cutouts that a study's datasets lie on."""
    backgrounds = [dataset.background for dataset in STUDIES[study].datasets.values() if dataset.background]
    return {background.cutouts: CONFIG.cutouts[background.cutouts] for background in backgrounds}


def analyses_of(study):
    """(table, images) of each analysis that a study asks for."""
    patterns = {"degeneracy": (PATHS.degeneracy, PATHS.degenerate_images), "reconstruction": (PATHS.reconstruction, PATHS.reconstructed_images)}
    asked = {kind: pair for kind, pair in patterns.items() if getattr(STUDIES[study], kind)}
    return {kind: tuple(pattern.format(study=study) for pattern in pair) for kind, pair in asked.items()}


def analysis_tables():
    """Table of each analysis, by study, as far as it counts."""
    tables = {study: {kind: table for kind, (table, _) in analyses_of(study).items()} for study in STUDIES}
    return {study: {kind: path for kind, path in found.items() if is_current(study, kind, path)} for study, found in tables.items()}


def cross_validations():
    """Tables that there are, or will be."""
    tables = {name: PATHS.cross_validation.format(study=name) for name, study in STUDIES.items() if study.cross_validation}
    return {name: path for name, path in tables.items() if is_current(name, "cross_validation", path)}


def figures_of(study):
    return {name: PATHS.figure.format(study=study, figure=name) for name in figure_names(STUDIES[study])}


def in_use():
    """Engines, networks and adaptation methods of all studies."""
    return {
        "simulate": {simulation.engine for simulation in SIMULATIONS.values()},
        "models": {study.recipe_of(run).network for study in STUDIES.values() for run in study.runs},
        "adapt": {study.methods[run.method].adaptation for study in STUDIES.values() for run in study.runs.values()},
    }


def is_current(study, kind, table):
    """Whether a table counts: with `partial`, if it exists and was made as its study says."""
    if not CONFIG.partial:
        return True
    from sim2sky.provenance.stale import stale_table  # takes longer than a dry-run should

    return Path(table).exists() and not stale_table(PROVENANCE[kind].format(study=study), [table], STUDIES[study], kind)


def made_from():
    """Of each file that says what tables were made from: their study, kind and paths."""
    found = {PATHS.provenance.format(study=name): {"study": name, "kind": "metrics", "tables": expand([PATHS.metrics, PATHS.summary], study=name)} for name in TRAINED_STUDIES}
    kinds = {kind: {study: paths[kind] for study, paths in analysis_tables().items() if kind in paths} for kind in ("degeneracy", "reconstruction")}
    for kind, tables in {"cross_validation": cross_validations(), **kinds}.items():
        found |= {PROVENANCE[kind].format(study=study): {"study": study, "kind": kind, "tables": [table]} for study, table in tables.items()}
    return found


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


rule:
    name:
        "write_report"
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
        code_of_networks={study: {path: digest(code_of_training(study, run)) for run, _, path in of_all_runs(PATHS.model, study)} for study in TRAINED_STUDIES},
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
