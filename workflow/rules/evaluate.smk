# Predictions on the test parts, metrics of each run, and one place that gathers them.

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
            code=prediction_code,
        log:
            log_of("predict", "{study}/{run}/{seeds}"),
        benchmark:
            benchmark_of("predict", "{study}/{run}/{seeds}")
        conda:
            "../envs/sim2sky.yaml"
        threads: PREDICTION_THREADS
        resources:
            mem_mb=prediction_memory,
            runtime=prediction_runtime,
            disk_mb=prediction_disk,
        message:
            "Predicting with {wildcards.run} of {wildcards.study}, seeds {wildcards.seeds}"
        script:
            "../scripts/predict.py"

    rule evaluate_run:
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

    rule compare_degenerate:
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

    rule reconstruct:
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


rule aggregate_metrics:
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
