# Figures of each study, and one page with all studies.
from sim2sky.report.plan import figure_plan, inputs_of

CAPTIONS = os.path.relpath(Path(workflow.basedir) / "workflow/report")
# What figures read, by the kinds that they are registered with: of each run and block of seeds, and of a study
OF_RUNS = {"history": PATHS.history, "predictions": PATHS.predictions, "latents": PATHS.latents, "models": PATHS.model}
OF_STUDY = {
    "metrics": {"table": PATHS.metrics},
    "error_scores": {"table": PATHS.errors, "provenance": PATHS.errors_provenance},
    "cross_validation": {"table": PATHS.cross_validation, "provenance": PATHS.cross_validation_provenance},
    "degeneracy": {
        "table": PATHS.degeneracy,
        "provenance": PATHS.degeneracy_provenance,
        "images": PATHS.degenerate_images,
    },
    "reconstruction": {
        "table": PATHS.reconstruction,
        "provenance": PATHS.reconstruction_provenance,
        "images": PATHS.reconstructed_images,
    },
}


def figures_of(study):
    return {name: PATHS.figure.format(study=study, figure=name) for name in figure_plan(STUDIES[study])}


def captions():
    """Captions of all kinds of figures in use."""
    kinds = {figure.kind for study in STUDIES.values() for figure in figure_plan(study).values()}
    return [f"{CAPTIONS}/{kind}.rst" for kind in sorted(kinds)]


def kinds_of_inputs(study):
    """What the figures of a study read; with `partial` the networks too, which say what configuration a run is of."""
    kinds = inputs_of(STUDIES[study])
    return sorted({*kinds, "models"}) if CONFIG.partial and OF_RUNS.keys() & set(kinds) else kinds


def files_of_inputs(study, kind):
    """Files of one kind that the figures of a study read, by key; with `partial`, those that exist."""
    if kind in OF_RUNS:
        return {(run, seeds): path for run, seeds, path in of_all_runs(OF_RUNS[kind], study)}
    if kind in OF_STUDY:
        files = {key: pattern.format(study=study) for key, pattern in OF_STUDY[kind].items()}
        there = kind == "metrics" or not CONFIG.partial or all(Path(path).exists() for path in files.values())
        return files if there else {}
    if kind == "cutouts":
        return cutouts_of(study)
    if kind == "first_shards":
        shards = {dataset: shards_of(dataset)[0] for dataset in STUDIES[study].datasets}
        return {dataset: path for dataset, path in shards.items() if not CONFIG.partial or Path(path).exists()}
    if kind == "catalogues":
        return {pair: path for pair, path in catalogues_of(study).items() if not CONFIG.partial or Path(path).exists()}
    if kind == "measured_shards":
        shards = {dataset: measured_shards(dataset)[0] for _, dataset in measured(study)}
        return {dataset: path for dataset, path in shards.items() if not CONFIG.partial or Path(path).exists()}
    raise LookupError(f"figures of {study} read {kind!r}, which no rule makes")


def paths_of_inputs(wildcards, study, kind):
    return list(files_of_inputs(study, kind).values())


def keys_of_inputs(wildcards, study):
    """What each input is of, in their order."""
    return {kind: list(files_of_inputs(study, kind)) for kind in kinds_of_inputs(study)}


def cutouts_of(study):
    """Name and path of the survey cutouts that a study's datasets lie on; params have their checksums, their dates say nothing."""
    backgrounds = [dataset.background for dataset in STUDIES[study].datasets.values() if dataset.background]
    return {background.cutouts: ancient(CONFIG.cutouts[background.cutouts]) for background in backgrounds}


def tables_of(study):
    """Tables of each kind of a study with the file that says what they were made from; with `partial`, those that count."""
    asked = {
        kind: ([files["table"]], files["provenance"])
        for kind, files in OF_STUDY.items()
        if getattr(STUDIES[study], kind, None)
    }
    if STUDIES[study].runs:
        asked = {"metrics": ([PATHS.metrics, PATHS.summary], PATHS.provenance)} | asked
    tables = {
        kind: {"files": expand(files, study=study), "provenance": about.format(study=study)}
        for kind, (files, about) in asked.items()
    }
    return {kind: found for kind, found in tables.items() if kind == "metrics" or is_current(study, kind, **found)}


def is_current(study, kind, files, provenance):
    """Whether tables count: with `partial`, if they exist and were made as their study says."""
    if not CONFIG.partial:
        return True
    from sim2sky.provenance.stale import stale_table  # takes longer than a dry-run should

    asked = STUDIES[study], kind, SURVEYS, sums_of_cutouts(STUDIES[study].datasets)
    return all(Path(path).exists() for path in files) and not stale_table(provenance, files, *asked)


def chapter_of(study):
    """All that the page shows of a study."""
    return {
        "study": STUDIES[study].params(),
        "full": FULL_STUDIES[study].params(),
        "surveys": surveys_of(study),
        "cutouts": sums_of_cutouts(STUDIES[study].datasets),
        "tables": tables_of(study),
        "figures": figures_of(study),
        "code_of_networks": {
            path: digest(code_of_training(study, run)) for run, _, path in of_all_runs(PATHS.model, study)
        },
    }


def in_use():
    """Engines, networks, losses and adaptation methods of all studies."""
    return {
        "simulate": {simulation.engine for simulation in SIMULATIONS.values()},
        "models": {study.recipe_of(run).network for study in STUDIES.values() for run in study.runs},
        "losses": {study.recipe_of(run).loss for study in STUDIES.values() for run in study.runs},
        "adapt": {study.methods[run.method].adaptation for study in STUDIES.values() for run in study.runs.values()},
    }


CHAPTERS = {study: chapter_of(study) for study in STUDIES}

# A rule per study, because the names of its figures follow from its configuration.
for study in STUDIES:

    rule:
        name:
            f"draw_figures_{study}"
        input:
            **{kind: partial(paths_of_inputs, study=study, kind=kind) for kind in kinds_of_inputs(study)},
        output:
            **{
                name: report(
                    PATHS.figure.format(study=study, figure=name),
                    caption=f"../report/{figure.kind}.rst",
                    category="Figures",
                    subcategory=study,
                    labels={"figure": name},
                )
                for name, figure in figure_plan(STUDIES[study]).items()
            },
        params:
            study=STUDIES[study].params(),
            surveys=surveys_of(study),
            cutouts=sums_of_cutouts(STUDIES[study].datasets),
            input_keys=partial(keys_of_inputs, study=study),
            partial=CONFIG.partial,
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
        tables=[
            path for chapter in CHAPTERS.values() for tables in chapter["tables"].values() for path in tables["files"]
        ],
        made_from=[tables["provenance"] for chapter in CHAPTERS.values() for tables in chapter["tables"].values()],
        figures=[path for chapter in CHAPTERS.values() for path in chapter["figures"].values()],
        captions=captions(),
    output:
        report=PATHS.report,
    params:
        chapters=CHAPTERS,
        code=code("write_report"),
        code_of_rules={
            rule: digest(code(rule, **in_use()))
            for rule in (
                "simulate_shard",
                "inject_noise",
                *(["ingest"] if REAL else []),
                "train",
                "predict",
                "evaluate_run",
            )
        },
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
