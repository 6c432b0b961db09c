# Network files that measure by themselves, and catalogues: what they say of the test part of simulated datasets, and of real images.

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


@cache
def measured(study):
    """(run, dataset) of each catalogue of a study."""
    asked = STUDIES[study].measurement
    return [(run, dataset) for run in asked.runs for dataset in asked.datasets] if asked else []


def catalogues_of(study):
    return {pair: PATHS.catalogue.format(study=study, run=pair[0], dataset=pair[1]) for pair in measured(study)}


def measured_images(real):
    """Regular expression for `dataset`: those of real images that are measured, or the simulated ones."""
    datasets = {dataset for study in STUDIES for _, dataset in measured(study)}
    return "|".join(sorted(dataset for dataset in datasets if (dataset in REAL) == real))


def measured_shards(dataset):
    """All shards of real images, and those of the test part of simulated ones."""
    return shards_of(dataset) if dataset in REAL else domain_of(dataset, ("test",))["shards"]


def shards_to_measure(wildcards):
    return measured_shards(wildcards.dataset)


def measurement_params(wildcards):
    """The dataset and its test part, as `measure_simulated` takes them."""
    domain = domain_of(wildcards.dataset, ("test",))
    return {"dataset": wildcards.dataset, "shards": domain["shards"], "bounds": domain["bounds"]["test"]}


def measuring_code(rule):
    def params(wildcards):
        recipe = recipe_of(wildcards.study, wildcards.run)
        return code(rule, models={recipe.network}, losses={recipe.loss})

    return params


def observed_shard(wildcards):
    return PATHS.observed.format(**wildcards)


def parts_of_catalogue(wildcards):
    shards = OBSERVED[wildcards.dataset][1].shards
    return [PATHS.catalogue_part.format(**wildcards, shard=shard) for shard in shards]


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


def lenses_to_measure(wildcards):
    return length(wildcards.shard) if wildcards.get("shard") else observed(wildcards.dataset).lenses("test")


def measuring_memory(wildcards, attempt):
    images = costs.megabytes(observed(wildcards.dataset).pixels(min(lenses_to_measure(wildcards), costs.MEASURED)))
    recipe, seeds = recipe_of(wildcards.study, wildcards.run), STUDIES[wildcards.study].seeds
    return costs.memory(
        costs.prediction_megabytes(recipe, network_of(wildcards, "resnet152"), images, seeds)
        + costs.quantiles_megabytes(lenses_to_measure(wildcards), len(STUDIES[wildcards.study].targets)),
        attempt,
    )


def measuring_runtime(wildcards, attempt):
    lenses, seeds = lenses_to_measure(wildcards), STUDIES[wildcards.study].seeds
    network = network_of(wildcards, "resnet152")
    seconds = costs.measuring_seconds(network, observed(wildcards.dataset), lenses, lenses * seeds)
    return costs.time_limit(seconds, attempt)


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

    if measured_images(real=False):

        rule:
            name:
                "measure_simulated"
            input:
                network=PATHS.network,
                shards=shards_to_measure,
                information=information_of,
            output:
                catalogue=PATHS.catalogue,
                others=multiext(PATHS.catalogue.removesuffix(".parquet"), ".fits", ".ecsv"),
                quantiles=PATHS.quantiles,
            wildcard_constraints:
                dataset=measured_images(real=False),
            params:
                measurement=measurement_params,
                code=measuring_code("measure_simulated"),
            log:
                log_of("measure_simulated", "{study}/{run}/{dataset}"),
            benchmark:
                benchmark_of("measure_simulated", "{study}/{run}/{dataset}")
            conda:
                "../envs/sim2sky.yaml"
            threads: 1
            resources:
                mem_mb=measuring_memory,
                runtime=measuring_runtime,
            message:
                "Measuring the test part of {wildcards.dataset} with {wildcards.run} of {wildcards.study}"
            script:
                "../scripts/measure_simulated.py"

    if measured_images(real=True):

        rule:
            name:
                "measure_images"
            input:
                network=PATHS.network,
                shard=observed_shard,
            output:
                part=PATHS.catalogue_part,
            wildcard_constraints:
                dataset=measured_images(real=True),
            params:
                code=measuring_code("measure_images"),
            log:
                log_of("measure_images", "{study}/{run}/{dataset}/{shard}"),
            benchmark:
                benchmark_of("measure_images", "{study}/{run}/{dataset}/{shard}")
            conda:
                "../envs/sim2sky.yaml"
            threads: 1
            resources:
                mem_mb=measuring_memory,
                runtime=measuring_runtime,
            message:
                "Measuring images {wildcards.shard} of {wildcards.dataset} with {wildcards.run} of {wildcards.study}"
            script:
                "../scripts/measure_images.py"

        rule:
            name:
                "gather_catalogue"
            input:
                parts=parts_of_catalogue,
            output:
                catalogue=PATHS.catalogue,
                others=multiext(PATHS.catalogue.removesuffix(".parquet"), ".fits", ".ecsv"),
            wildcard_constraints:
                dataset=measured_images(real=True),
            params:
                code=code("gather_catalogue"),
            log:
                log_of("gather_catalogue", "{study}/{run}/{dataset}"),
            benchmark:
                benchmark_of("gather_catalogue", "{study}/{run}/{dataset}")
            conda:
                "../envs/sim2sky.yaml"
            threads: 1
            resources:
                mem_mb=table_memory,
                runtime=table_runtime,
            message:
                "Gathering the catalogue of {wildcards.dataset} by {wildcards.run} of {wildcards.study}"
            script:
                "../scripts/gather_catalogue.py"
