# Simulated lenses as a survey sees them: centred and cropped where asked, then seeing, sky and noise.

if not CONFIG.partial:

    rule centre_crop:
        input:
            shard=simulated_shard,
        output:
            shard=PATHS.centred,
        params:
            centre_crop=centre_crop_params,
            code=code("centre_crop"),
        log:
            log_of("centre_crop", "{dataset}/{shard}"),
        benchmark:
            benchmark_of("centre_crop", "{dataset}/{shard}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=shard_memory,
            runtime=shard_runtime,
            disk_mb=simulated_disk,
        message:
            "Centring and cropping lenses {wildcards.shard} of {wildcards.dataset}"
        script:
            "../scripts/centre_crop.py"

    rule inject_noise:
        input:
            shard=shard_to_observe,
            cutouts=background_file,
        output:
            shard=PATHS.observed,
        params:
            dataset=observe_params,
            survey=survey_params,
            lenses=lenses_to_split,
            code=code("inject_noise"),
        log:
            log_of("inject_noise", "{dataset}/{shard}"),
        benchmark:
            benchmark_of("inject_noise", "{dataset}/{shard}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=noisy_memory,
            runtime=noisy_runtime,
            disk_mb=observed_disk,
        message:
            "Observing lenses {wildcards.shard} of {wildcards.dataset}"
        script:
            "../scripts/inject_noise.py"
