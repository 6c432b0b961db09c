# Predictions on the test parts, metrics of each run, and one place that gathers them.


def trained_model(wildcards):
    return of_block(PATHS.model, wildcards)


def predicted_parts(study, run):
    """The test part, and the training part where AdaBN or the normalisation takes statistics from its images."""
    statistics = "adabn" in STUDIES[study].statistics or recipe_of(study, run).normalisation == "per_domain"
    return ("train", "test") if statistics else ("test",)


@cache
def evaluated_domains(study, run):
    return [domain_of(name, predicted_parts(study, run)) for name in STUDIES[study].runs[run].evaluate_on]


def evaluated_shards(wildcards):
    return [shard for domain in evaluated_domains(wildcards.study, wildcards.run) for shard in domain["shards"]]


def prediction_params(wildcards):
    return _prediction_params(wildcards.study, wildcards.run)


@cache
def _prediction_params(name, run_name):
    study, run = STUDIES[name], STUDIES[name].runs[run_name]
    return {
        "targets": study.targets,
        "recipe": recipe_params(name, run_name),
        "source": run.source,
        "domains": evaluated_domains(name, run_name),
        "statistics": study.statistics,
    }


def prediction_code(wildcards):
    recipe = recipe_of(wildcards.study, wildcards.run)
    return code("predict", models={recipe.network}, losses={recipe.loss})


def degeneracy_params(wildcards):
    return STUDIES[wildcards.study].made_with("degeneracy")


def predictions_to_reconstruct(wildcards):
    study = STUDIES[wildcards.study]
    return of_run(PATHS.predictions, wildcards.study, study, study.reconstruction.run, study.seed_blocks[0])


def shards_to_reconstruct(wildcards):
    return shards_of(STUDIES[wildcards.study].reconstruction.dataset)


def reconstruction_params(wildcards):
    study = STUDIES[wildcards.study]
    domain = study.reconstruction.dataset
    return {
        "simulation": SIMULATIONS[DATASETS[domain].simulation].params(),
        "domain": domain,
        "statistics": shown_statistics(study),
        "count": study.reconstruction.images,
    }


def quantiles_to_score(wildcards):
    pairs = STUDIES[wildcards.study].error_scores
    return [PATHS.quantiles.format(study=wildcards.study, run=run, dataset=dataset) for run, dataset in pairs]


def error_params(wildcards):
    return STUDIES[wildcards.study].made_with("error_scores")


def run_params(wildcards):
    run, stuck = run_of(wildcards), STUDIES[wildcards.study].stuck_at_mean
    names = {
        "run": wildcards.run,
        "method": run.method,
        "recipe": run.recipe,
        "source": run.source,
        "target": run.target,
    }
    return names | ({"after_epochs": stuck.after_epochs} if stuck else {})


def history_to_judge(wildcards):
    """Learning curves, where the study asks which networks are stuck."""
    return of_block(PATHS.history, wildcards) if STUDIES[wildcards.study].stuck_at_mean else []


def _is_of(metrics, model):
    """Whether metrics are of networks: with `partial`, newer networks may be there that are not evaluated yet."""
    return model is not None and (not CONFIG.partial or Path(metrics).stat().st_mtime >= Path(model).stat().st_mtime)


def of_evaluated_runs(pattern):
    """Input function: `pattern` for every run and block; with `partial`, for those whose networks and metrics exist."""

    def paths(wildcards):
        models = {(run, seeds): path for run, seeds, path in of_all_runs(PATHS.model, wildcards.study)}
        evaluated = [
            (run, seeds)
            for run, seeds, path in of_all_runs(PATHS.run_metrics, wildcards.study)
            if _is_of(path, models.get((run, seeds)))
        ]
        return [of_run(pattern, wildcards.study, STUDIES[wildcards.study], *block) for block in evaluated]

    return paths


def aggregation_params(wildcards):
    return STUDIES[wildcards.study].made_with("metrics")


def aggregation_surveys(wildcards):
    return surveys_of(wildcards.study)


def aggregation_cutouts(wildcards):
    return sums_of_cutouts(STUDIES[wildcards.study].datasets)


# Networks predict where they were trained: large ones on a GPU, small ones on one thread, since two threads that wait for each other are
# slower than two networks side by side. Profiles go by the names of rules, so there are two rules of the same script.
def studies_predicting(on_gpu):
    """Regular expression for `study`: studies that a run with a large network, or a small one, follows in the path."""
    runs = {
        name: [
            run
            for run in study.runs
            if costs.predicts_on_gpu(costs.network_of(NETWORKS, recipe_of(name, run).network, "resnet152")) == on_gpu
        ]
        for name, study in STUDIES.items()
    }
    return "|".join(f"{name}(?=/(?:{'|'.join(found)})/)" for name, found in runs.items() if found)


# ---- resources


def prediction_memory(wildcards, attempt):
    parts = predicted_parts(wildcards.study, wildcards.run)  # one after the other
    images = max(observed(name).megabytes(part) for name in run_of(wildcards).evaluate_on for part in parts)
    recipe, network = recipe_of(wildcards.study, wildcards.run), network_of(wildcards, "resnet152")
    libraries = costs.LIBRARIES_GPU if costs.predicts_on_gpu(network) else costs.LIBRARIES
    return costs.memory(
        costs.prediction_megabytes(recipe, network, images, length(wildcards.seeds)), attempt, libraries
    )


def prediction_runtime(wildcards, attempt):
    parts, statistics = predicted_parts(wildcards.study, wildcards.run), STUDIES[wildcards.study].statistics
    network, batch = network_of(wildcards, "resnet152"), recipe_of(wildcards.study, wildcards.run).batch_size
    seconds = 0
    for domain in map(observed, run_of(wildcards).evaluate_on):
        passed = domain.lenses("test") * len(statistics) + (domain.lenses("train") if "adabn" in statistics else 0)
        passed *= length(wildcards.seeds)
        seconds += costs.prediction_seconds(network, domain, domain.lenses(*parts), passed, batch)
    return costs.time_limit(seconds, attempt)


def prediction_disk(wildcards):
    domains = run_of(wildcards).evaluate_on
    lenses = sum(observed(name).simulation.lenses * DATASETS[name].split.test for name in domains)
    return costs.prediction_disk(lenses, len(domains), length(wildcards.seeds))


if not CONFIG.partial:

    for rule_name, on_gpu in {"predict": False, "predict_on_gpu": True}.items():
        if not studies_predicting(on_gpu):
            continue

        rule:
            name:
                rule_name
            input:
                model=trained_model,
                shards=evaluated_shards,
            output:
                predictions=PATHS.predictions,
                latents=PATHS.latents,
            wildcard_constraints:
                study=studies_predicting(on_gpu),
            params:
                prediction=prediction_params,
                code=prediction_code,
            log:
                log_of(rule_name, "{study}/{run}/{seeds}"),
            benchmark:
                benchmark_of(rule_name, "{study}/{run}/{seeds}")
            conda:
                "../envs/sim2sky.yaml"
            threads: 1
            resources:
                gpu=1 if on_gpu else None,
                mem_mb=prediction_memory,
                runtime=prediction_runtime,
                disk_mb=prediction_disk,
            message:
                "Predicting with {wildcards.run} of {wildcards.study}, seeds {wildcards.seeds}"
            script:
                "../scripts/predict.py"

    rule:
        name:
            "evaluate_run"
        input:
            predictions=PATHS.predictions,
            latents=PATHS.latents,
            history=history_to_judge,
        output:
            metrics=PATHS.run_metrics,
        params:
            run=run_params,
            code=code("evaluate_run"),
        log:
            log_of("evaluate_run", "{study}/{run}/{seeds}"),
        benchmark:
            benchmark_of("evaluate_run", "{study}/{run}/{seeds}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=table_memory,
            runtime=table_runtime,
        message:
            "Evaluating {wildcards.run} of {wildcards.study}, seeds {wildcards.seeds}"
        script:
            "../scripts/evaluate_run.py"

    rule:
        name:
            "compare_degenerate"
        output:
            table=PATHS.degeneracy,
            provenance=PATHS.degeneracy_provenance,
            images=PATHS.degenerate_images,
        params:
            degeneracy=degeneracy_params,
            code=code("compare_degenerate"),
        log:
            log_of("compare_degenerate", "{study}"),
        benchmark:
            benchmark_of("compare_degenerate", "{study}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=table_memory,
            runtime=figure_runtime,
            disk_mb=10,
        message:
            "Comparing images of {wildcards.study} that should be the same"
        script:
            "../scripts/compare_degenerate.py"

    rule:
        name:
            "reconstruct"
        input:
            predictions=predictions_to_reconstruct,
            shards=shards_to_reconstruct,
        output:
            table=PATHS.reconstruction,
            provenance=PATHS.reconstruction_provenance,
            images=PATHS.reconstructed_images,
        params:
            reconstruction=reconstruction_params,
            code=code("reconstruct", simulate={"cosmosim"}),
        log:
            log_of("reconstruct", "{study}"),
        benchmark:
            benchmark_of("reconstruct", "{study}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=figure_memory,
            runtime=figure_runtime,
        message:
            "Undoing the lensing of test images of {wildcards.study}"
        script:
            "../scripts/reconstruct.py"

    rule:
        name:
            "evaluate_errors"
        input:
            quantiles=quantiles_to_score,
        output:
            errors=PATHS.errors,
            provenance=PATHS.errors_provenance,
        params:
            study=error_params,
            surveys=aggregation_surveys,
            cutouts=aggregation_cutouts,
            code=code("evaluate_errors", models=set()),
        log:
            log_of("evaluate_errors", "{study}"),
        benchmark:
            benchmark_of("evaluate_errors", "{study}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=table_memory,
            runtime=table_runtime,
        message:
            "Scoring the errors of {wildcards.study}"
        script:
            "../scripts/evaluate_errors.py"


rule:
    name:
        "aggregate_metrics"
    input:
        metrics=of_evaluated_runs(PATHS.run_metrics),
        models=of_evaluated_runs(PATHS.model),
    output:
        metrics=PATHS.metrics,
        summary=report(PATHS.summary, caption="../report/summary.rst", category="Tables"),
        provenance=PATHS.provenance,
    params:
        study=aggregation_params,
        surveys=aggregation_surveys,
        cutouts=aggregation_cutouts,
        code=code("aggregate_metrics"),
    log:
        log_of("aggregate_metrics", "{study}"),
    benchmark:
        benchmark_of("aggregate_metrics", "{study}")
    conda:
        "../envs/sim2sky.yaml"
    threads: 1
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    message:
        "Gathering the metrics of {wildcards.study}"
    script:
        "../scripts/aggregate_metrics.py"
