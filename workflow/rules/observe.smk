# Simulated lenses as a survey sees them: centred and cropped where asked, then seeing, sky and noise.


def centre_crop_params(wildcards):
    return DATASETS[wildcards.dataset].centre_crop.params()


def simulated_shard(wildcards):
    return PATHS.simulated.format(simulation=DATASETS[wildcards.dataset].simulation, shard=wildcards.shard)


def shard_to_observe(wildcards):
    return PATHS.centred.format(**wildcards) if DATASETS[wildcards.dataset].centre_crop else simulated_shard(wildcards)


def background_file(wildcards):
    background = DATASETS[wildcards.dataset].background
    return CONFIG.cutouts[background.cutouts] if background else []


def observe_params(wildcards):
    return DATASETS[wildcards.dataset].params()


def survey_params(wildcards):
    """The survey's numbers for the bands in use, so that an edit of another band reruns nothing."""
    dataset = DATASETS[wildcards.dataset]
    survey = SURVEYS[dataset.survey].params()
    survey["bands"] = {band: survey["bands"][band] for band in SIMULATIONS[dataset.simulation].bands}
    return survey


def lenses_to_split(wildcards):
    """The total, which only matters where cutouts are shared out between training, validation and test."""
    dataset = DATASETS[wildcards.dataset]
    return SIMULATIONS[dataset.simulation].lenses if dataset.background else None


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
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
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
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        message:
            "Observing lenses {wildcards.shard} of {wildcards.dataset}"
        script:
            "../scripts/inject_noise.py"
