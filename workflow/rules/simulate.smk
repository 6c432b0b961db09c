# Noise-free lenses, shard by shard.

if not CONFIG.partial:

    rule simulate_shard:
        output:
            shard=PATHS.simulated,
        params:
            simulation=simulation_params,
            code=simulation_code,
        log:
            log_of("simulate_shard", "{simulation}/{shard}"),
        benchmark:
            benchmark_of("simulate_shard", "{simulation}/{shard}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=shard_memory,
            runtime=shard_runtime,
            disk_mb=simulated_disk,
        message:
            "Simulating lenses {wildcards.shard} of {wildcards.simulation}"
        script:
            "../scripts/simulate_shard.py"
