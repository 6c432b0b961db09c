# Networks trained on the labels of the source domain and the bare images of the target domain.


def target_shards(wildcards):
    return shards_of(run_of(wildcards).target)


if not CONFIG.partial:

    rule:
        name:
            "adapt"
        input:
            source=source_shards,
            target=target_shards,
            start=start_model,
            ranking=ranking_model,
            imagenet=ancient(imagenet_weights),
        output:
            model=PATHS.model.replace("{stage}", "adapt"),
            history=PATHS.history.replace("{stage}", "adapt"),
        params:
            training=training_params,
            code=training_code,
        log:
            log_of("adapt", "{study}/{run}/{seeds}"),
        benchmark:
            benchmark_of("adapt", "{study}/{run}/{seeds}")
        conda:
            "../envs/sim2sky.yaml"
        threads: processes_of
        resources:
            **of_several_nodes(),
            gpu=processes_of,
            mem_mb=training_memory,
            runtime=training_runtime,
            expected_minutes=training_minutes,
            disk_mb=networks_disk,
        message:
            "Adapting {wildcards.run} of {wildcards.study}, seeds {wildcards.seeds}"
        script:
            "../scripts/train.py"
