# Network files that measure by themselves.

CALIBRATION_PARTS = ("train", "validation")


def networks_to_calibrate(wildcards):
    """The networks of all blocks of a run: its seeds are one ensemble."""
    study = STUDIES[wildcards.study]
    return [of_run(PATHS.model, wildcards.study, study, wildcards.run, seeds) for seeds in study.seed_blocks]


@cache
def calibrated_domains(study, run):
    return [domain_of(name, CALIBRATION_PARTS) for name in STUDIES[study].measuring_domains(run)]


def calibration_shards(wildcards):
    return [shard for domain in calibrated_domains(wildcards.study, wildcards.run) for shard in domain["shards"]]


def about_domain(name):
    """What a network file says of a domain: its survey, and the zero points of its images where they are fluxes."""
    dataset, simulation = OBSERVED[name]
    survey = SURVEYS[dataset.survey] if dataset.survey else None
    return {
        "title": DATASETS[name].title,
        "survey": survey.title if survey else None,
        "zero_points": frame_of(dataset, simulation, survey)["zero_points"] if survey else None,
    }


def calibration_params(wildcards):
    return _calibration_params(wildcards.study, wildcards.run)


@cache
def _calibration_params(name, run_name):
    study, run = STUDIES[name], STUDIES[name].runs[run_name]
    dataset, simulation = OBSERVED[run.source]
    scale = simulation.pixel_scale
    return {
        "targets": study.targets,
        "recipe": recipe_params(name, run_name),
        "domains": calibrated_domains(name, run_name),
        "source": run.source,
        "default": run.target or run.source,
        "calibrate_on": study.measurement.calibrate_on,
        "about": {
            "title": study.title,
            "study": name,
            "run": run_name,
            "bands": list(simulation.bands),
            "pixel_scale": scale and dataset.scale(scale),
            "unit": "counts/s" if dataset.survey or simulation.engine == "galaxy" else "8-bit counts",
            "domains": {other: about_domain(other) for other in study.measuring_domains(run_name)},
        },
    }


def calibration_code(wildcards):
    recipe = recipe_of(wildcards.study, wildcards.run)
    return code("calibrate", models={recipe.network}, losses={recipe.loss})


def measuring_networks():
    """Every network file that the studies ask for; with `partial`, those that are there."""
    asked = [(name, run) for name, study in STUDIES.items() if study.measurement for run in study.measurement.runs]
    files = [PATHS.network.format(study=name, run=run) for name, run in asked]
    return [path for path in files if not CONFIG.partial or Path(path).exists()]


# ---- resources


def calibration_memory(wildcards, attempt):
    domains = STUDIES[wildcards.study].measuring_domains(wildcards.run)
    images = max(observed(name).megabytes(*CALIBRATION_PARTS) for name in domains)
    recipe, network = recipe_of(wildcards.study, wildcards.run), network_of(wildcards, "resnet152")
    return costs.memory(costs.prediction_megabytes(recipe, network, images, STUDIES[wildcards.study].seeds), attempt)


def calibration_runtime(wildcards, attempt):
    study, network = STUDIES[wildcards.study], network_of(wildcards, "resnet152")
    seconds = 0
    for domain in map(observed, study.measuring_domains(wildcards.run)):
        passed = domain.lenses(*CALIBRATION_PARTS)
        seconds += costs.measuring_seconds(network, domain, passed, passed * study.seeds)
    return costs.time_limit(seconds, attempt)


def calibration_disk(wildcards):
    return costs.networks_disk(network_of(wildcards), STUDIES[wildcards.study].seeds)


if not CONFIG.partial:

    rule:
        name:
            "calibrate"
        input:
            models=networks_to_calibrate,
            shards=calibration_shards,
        output:
            network=PATHS.network,
        params:
            calibration=calibration_params,
            code=calibration_code,
        log:
            log_of("calibrate", "{study}/{run}"),
        benchmark:
            benchmark_of("calibrate", "{study}/{run}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=calibration_memory,
            runtime=calibration_runtime,
            disk_mb=calibration_disk,
        message:
            "Calibrating the errors of {wildcards.run} of {wildcards.study}"
        script:
            "../scripts/calibrate.py"
