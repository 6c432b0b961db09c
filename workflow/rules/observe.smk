# Simulated lenses as a survey sees them: centred and cropped where asked, then seeing, sky and noise; and real images, in the same form.


def centre_crop_params(wildcards):
    return DATASETS[wildcards.dataset].centre_crop.params()


def simulated_shard(wildcards):
    return PATHS.simulated.format(simulation=DATASETS[wildcards.dataset].simulation, shard=wildcards.shard)


def shard_to_observe(wildcards):
    return PATHS.centred.format(**wildcards) if DATASETS[wildcards.dataset].centre_crop else simulated_shard(wildcards)


def background_file(wildcards):
    background = DATASETS[wildcards.dataset].background
    return CONFIG.cutouts[background.cutouts] if background else []


def cutouts_params(wildcards):
    """The checksum of the cutouts, whose date says nothing, by the key that names them."""
    return {"cutouts": sums_of_cutouts([wildcards.dataset])} if wildcards.dataset in SKY else {}


def observe_params(wildcards):
    """A dataset without what does not touch its images: its title and, unless cutouts are shared out, its split."""
    dataset = DATASETS[wildcards.dataset]
    update = {"title": wildcards.dataset} | ({} if dataset.background else {"split": Split()})
    return dataset.model_copy(update=update).params()


def survey_params(wildcards):
    """The survey's numbers for the bands in use, so that an edit of another band reruns nothing; None without a survey."""
    dataset = DATASETS[wildcards.dataset]
    return survey_with(dataset.survey, SIMULATIONS[dataset.simulation].bands) if dataset.survey else None


def lenses_to_split(wildcards):
    """The total, by its name, which only matters where cutouts are shared out between training, validation and test."""
    dataset = DATASETS[wildcards.dataset]
    return {"lenses": SIMULATIONS[dataset.simulation].lenses} if dataset.background else {}


def image_files(wildcards):
    return CONFIG.images[DATASETS[wildcards.dataset].images.folder]


def reading_params(wildcards):
    return DATASETS[wildcards.dataset].images.reading_params


def frame_params(wildcards):
    """Bands, size and unit of the images that a dataset of real ones is like; its seeing and noise do not matter."""
    like, simulation = OBSERVED[wildcards.dataset]
    return frame_of(like, simulation, SURVEYS[like.survey])


def files_params(wildcards):
    """The checksum of a shard's files, whose dates say nothing."""
    return {"files": sums_of_images(wildcards.dataset)[wildcards.shard]}


def noisy_memory(wildcards, attempt):
    return costs.memory(costs.observation_megabytes(observed(wildcards.dataset), length(wildcards.shard)), attempt)


def noisy_runtime(wildcards, attempt):
    return costs.time_limit(costs.observation_seconds(observed(wildcards.dataset), length(wildcards.shard)), attempt)


def observed_disk(wildcards):
    return costs.observation_disk(observed(wildcards.dataset), length(wildcards.shard))


if not CONFIG.partial:

    rule:
        name:
            "centre_crop"
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

    rule:
        name:
            "inject_noise"
        input:
            shard=shard_to_observe,
            cutouts=ancient(background_file),
        output:
            shard=PATHS.observed,
        wildcard_constraints:
            dataset="|".join(name for name in DATASETS if name not in REAL),
        params:
            dataset=observe_params,
            survey=survey_params,
            lenses=lenses_to_split,
            cutouts=cutouts_params,
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

    if REAL:

        rule:
            name:
                "ingest"
            input:
                images=ancient(image_files),
            output:
                shard=PATHS.observed,
            wildcard_constraints:
                dataset="|".join(REAL),
            params:
                reading=reading_params,
                frame=frame_params,
                files=files_params,
                code=code("ingest"),
            log:
                log_of("ingest", "{dataset}/{shard}"),
            benchmark:
                benchmark_of("ingest", "{dataset}/{shard}")
            conda:
                "../envs/sim2sky.yaml"
            threads: 1
            resources:
                mem_mb=noisy_memory,
                runtime=noisy_runtime,
                disk_mb=observed_disk,
            message:
                "Reading images {wildcards.shard} of {wildcards.dataset}"
            script:
                "../scripts/ingest.py"
