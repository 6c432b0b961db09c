# Simulated lenses as a survey sees them: centred and cropped where asked, then seeing, sky and noise; and real images, in the same form.
import hashlib

PSFS = os.path.relpath(Path(workflow.basedir) / "resources/psf")


def centre_crop_params(wildcards):
    return DATASETS[wildcards.dataset].centre_crop.params()


def simulated_shard(wildcards):
    return PATHS.simulated.format(simulation=DATASETS[wildcards.dataset].simulation, shard=wildcards.shard)


def shard_to_observe(wildcards):
    return PATHS.centred.format(**wildcards) if DATASETS[wildcards.dataset].centre_crop else simulated_shard(wildcards)


def background_file(wildcards):
    background = DATASETS[wildcards.dataset].background
    return CONFIG.cutouts[background.cutouts] if background else []


def psf_files(wildcards):
    """Point-spread functions that the survey names for the bands in use."""
    bands = (survey_params(wildcards) or {"bands": {}})["bands"].values()
    return [f"{PSFS}/{name}.fits" for name in sorted({band["psf"] for band in bands if "psf" in band})]


def psf_params(wildcards):
    """Checksums of point-spread functions by the name of their file, whose date says nothing."""
    return {Path(file).stem: hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in psf_files(wildcards)}


def cutouts_params(wildcards):
    """Checksums of the cutouts, by the key that names them, and of point-spread functions."""
    cutouts = {"cutouts": sums_of_cutouts([wildcards.dataset])} if wildcards.dataset in SKY else {}
    psf = psf_params(wildcards)
    return cutouts | ({"psf": psf} if psf else {})


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


@cache
def bounded_lenses(dataset):
    """The test lenses of a dataset whose errors are bounded, as many as the study that wants most asks for: their shards, and bounds within them."""
    domain = domain_of(dataset, ("test",))
    start, stop = domain["bounds"]["test"]
    asked = [
        study.information.lenses
        for study in STUDIES.values()
        if study.information and dataset in study.information.datasets
    ]
    stop, size = min(stop, start + max(asked)), OBSERVED[dataset][1].shard_size
    return domain["shards"][: (stop - 1) // size + 1], (start, stop)


def information_of(wildcards):
    """The table of bounds on the errors of a dataset, if a study asks for it."""
    asked = {name for study in STUDIES.values() if study.information for name in study.information.datasets}
    return PATHS.information.format(**wildcards) if wildcards.dataset in asked else []


def bounded_shards(wildcards):
    return bounded_lenses(wildcards.dataset)[0]


def bounds_params(wildcards):
    return bounded_lenses(wildcards.dataset)[1]


def bound_runtime(wildcards, attempt):
    start, stop = bounded_lenses(wildcards.dataset)[1]
    return costs.time_limit(costs.information_seconds(observed(wildcards.dataset), stop - start), attempt)


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
            psf=ancient(psf_files),
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

    rule:
        name:
            "bound_errors"
        input:
            shards=bounded_shards,
            psf=ancient(psf_files),
        output:
            table=PATHS.information,
        params:
            bounds=bounds_params,
            psf=psf_params,
            code=code("bound_errors"),
        log:
            log_of("bound_errors", "{dataset}"),
        benchmark:
            benchmark_of("bound_errors", "{dataset}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=bound_runtime,
        message:
            "Bounding the errors of parameters of {wildcards.dataset} by what its images say"
        script:
            "../scripts/bound_errors.py"
