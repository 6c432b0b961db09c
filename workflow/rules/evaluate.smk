# Predictions on the test parts, metrics of each run, and one place that gathers them.


def trained_model(wildcards):
    return of_run(PATHS.model, wildcards.study, wildcards.run, wildcards.seeds)


def evaluated_shards(wildcards):
    return [shard for name in run_of(wildcards).evaluate_on for shard in shards_of(name)]


def prediction_params(wildcards):
    study, run = STUDIES[wildcards.study], run_of(wildcards)
    return {
        "target": study.target,
        "recipe": study.recipe_of(wildcards.run).params(),
        "source": run.source,
        "domains": [domain_of(name) for name in run.evaluate_on],
    }


def run_params(wildcards):
    run = run_of(wildcards)
    return {"run": wildcards.run, "method": run.method, "recipe": run.recipe, "source": run.source, "target": run.target}


def metrics_of_runs(wildcards):
    return [path for _, _, path in of_all_runs(PATHS.run_metrics, wildcards.study)]


def aggregation_params(wildcards):
    """The study without what tables do not show, so that a reworded abstract does not make them anew."""
    without = {"title": "", "abstract": "", "reference": "", "cross_validation": None}
    return STUDIES[wildcards.study].model_copy(update=without).params()


if not CONFIG.partial:

    rule predict:
        input:
            model=trained_model,
            shards=evaluated_shards,
        output:
            predictions=PATHS.predictions,
            latents=PATHS.latents,
        params:
            prediction=prediction_params,
            code=code("predict"),
        log:
            log_of("predict", "{study}/{run}/{seeds}"),
        benchmark:
            benchmark_of("predict", "{study}/{run}/{seeds}")
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        message:
            "Predicting with {wildcards.run} of {wildcards.study}, seeds {wildcards.seeds}"
        script:
            "../scripts/predict.py"

    rule evaluate_run:
        input:
            predictions=PATHS.predictions,
            latents=PATHS.latents,
        output:
            metrics=PATHS.run_metrics,
        params:
            run=run_params,
            code=code("evaluate_run"),
        log:
            log_of("evaluate_run", "{study}/{run}/{seeds}"),
        benchmark:
            benchmark_of("evaluate_run", "{study}/{run}/{seeds}")
        threads: 1
        resources:
            mem_mb=2000,
            runtime=20,
        message:
            "Evaluating {wildcards.run} of {wildcards.study}, seeds {wildcards.seeds}"
        script:
            "../scripts/evaluate_run.py"


rule aggregate_metrics:
    input:
        metrics=metrics_of_runs,
    output:
        metrics=PATHS.metrics,
        summary=report(PATHS.summary, caption="../report/summary.rst", category="Tables"),
    params:
        study=aggregation_params,
        code=code("aggregate_metrics"),
    log:
        log_of("aggregate_metrics", "{study}"),
    benchmark:
        benchmark_of("aggregate_metrics", "{study}")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Gathering the metrics of {wildcards.study}"
    script:
        "../scripts/aggregate_metrics.py"
