# Noise-free lenses, shard by shard.

if not CONFIG.partial:

    rule simulate_shard:
        output:
            shard=PATHS.simulated,
        params:
            simulation=simulation_params,
            code=code("simulate_shard"),
        log:
            log_of("simulate_shard", "{simulation}/{shard}"),
        benchmark:
            benchmark_of("simulate_shard", "{simulation}/{shard}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        message:
            "Simulating lenses {wildcards.shard} of {wildcards.simulation}"
        script:
            "../scripts/simulate_shard.py"
