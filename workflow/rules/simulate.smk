# Noise-free lenses, shard by shard.


def simulation_params(wildcards):
    """The configuration of a simulation as far as one shard depends on it: the total must not matter, otherwise a larger simulation would make all its shards again."""
    last = int(wildcards.shard.split("-")[1])
    return SIMULATIONS[wildcards.simulation].model_copy(update={"lenses": last + 1, "shard_size": 1}).params()


def simulation_code(wildcards):
    return code("simulate_shard", simulate={SIMULATIONS[wildcards.simulation].engine})


if not CONFIG.partial:

    rule:
        name:
            "simulate_shard"
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
