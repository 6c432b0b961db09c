# Networks trained on the labels of one domain alone.

if not CONFIG.partial:

    # On the machine that snakemake runs on: the nodes that train may have no internet. The checksum vouches for the file, so no change of
    # code or parameters makes it anew; `update` keeps a file that was put there by hand.
    rule fetch_weights:
        localrule: True
        output:
            weights=update(WEIGHTS),
        log:
            log_of("fetch_weights", "{network}"),
        benchmark:
            benchmark_of("fetch_weights", "{network}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        message:
            "Fetching ImageNet weights of {wildcards.network}"
        script:
            "../scripts/fetch_weights.py"

    rule train_source_only:
        input:
            source=source_shards,
            watch=watched_shards,
            start=start_model,
            ranking=ranking_model,
            imagenet=ancient(imagenet_weights),
        output:
            model=PATHS.model.replace("{stage}", "train"),
            history=PATHS.history.replace("{stage}", "train"),
        params:
            training=training_params,
            code=lambda wildcards: training_code(wildcards.study, wildcards.run),
        log:
            log_of("train_source_only", "{study}/{run}/{seeds}"),
        benchmark:
            benchmark_of("train_source_only", "{study}/{run}/{seeds}")
        conda:
            "../envs/sim2sky.yaml"
        threads: processes_of
        resources:
            gpu=processes_of,
            mem_mb=training_memory,
            runtime=training_runtime,
            expected_minutes=training_minutes,
            disk_mb=networks_disk,
            nodes=nodes_of,
            tasks=nodes_of,
            tasks_per_gpu=no_tasks_per_gpu,
            cpus_per_task=devices_of,
            mpi=launcher_of,
        message:
            "Training {wildcards.run} of {wildcards.study}, seeds {wildcards.seeds}"
        script:
            "../scripts/train.py"

    rule cross_validate:
        input:
            shards=cross_validation_shards,
            imagenet=ancient(cross_validation_weights),
        output:
            table=PATHS.cross_validation,
            provenance=PATHS.cross_validation_provenance,
        params:
            training=cross_validation_params,
            code=cross_validation_code,
        log:
            log_of("cross_validate", "{study}"),
        benchmark:
            benchmark_of("cross_validate", "{study}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            gpu=1,
            mem_mb=cross_validation_memory,
            runtime=cross_validation_runtime,
            expected_minutes=cross_validation_minutes,
        message:
            "Cross-validating hyper-parameters of {wildcards.study} on labelled data"
        script:
            "../scripts/cross_validate.py"
