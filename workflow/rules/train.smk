# Networks trained on the labels of one domain alone.


def source_shards(wildcards):
    return shards_of(run_of(wildcards).source)


def watched(run):
    """Dataset whose learning curve is drawn beside the source's for a run that adapts to none."""
    return next((name for name in run.evaluate_on if name != run.source), None) if run.target is None else None


def watched_shards(wildcards):
    name = watched(run_of(wildcards))
    return shards_of(name) if name else []


def training_params(wildcards):
    """Everything of the configuration that a run's networks depend on."""
    study, run = STUDIES[wildcards.study], run_of(wildcards)
    return {
        "target": study.target,
        "recipe": study.recipe_of(wildcards.run).params(),
        "method": study.methods[run.method].params(),
        "source": domain_of(run.source),
        "adapt_to": domain_of(run.target) if run.target else None,
        "watch": domain_of(watched(run)) if watched(run) else None,
    }


def training_memory(wildcards, attempt):
    """Images of the domains, twice while they are normalised, and torch itself; more at each attempt."""
    run = run_of(wildcards)
    return int((1500 + 2 * sum(megabytes(name) for name in {run.source, run.target, watched(run)} - {None})) * attempt)


def training_runtime(wildcards, attempt):
    """Minutes: a slow core does 500 images a second."""
    study, run = STUDIES[wildcards.study], run_of(wildcards)
    dataset = DATASETS[run.source]
    images = SIMULATIONS[dataset.simulation].lenses * dataset.split.train * (2 if run.target else 1)
    seeds = study.seeds_per_job
    return int((20 + images * study.recipe_of(wildcards.run).epochs * seeds / 500 / 60) * attempt)


def cross_validation_shards(wildcards):
    return shards_of(STUDIES[wildcards.study].cross_validation.dataset)


def cross_validation_params(wildcards):
    study = STUDIES[wildcards.study]
    cross = study.cross_validation
    return {
        "target": study.target,
        "recipe": study.recipes[cross.recipe].params(),
        "cross_validation": cross.params(),
        "domain": domain_of(cross.dataset),
    }


if not CONFIG.partial:

    rule train_source_only:
        input:
            source=source_shards,
            watch=watched_shards,
        output:
            model=PATHS.model.replace("{stage}", "train"),
            history=PATHS.history.replace("{stage}", "train"),
        params:
            training=training_params,
            code=code("train"),
        log:
            log_of("train_source_only", "{study}/{run}/{seeds}"),
        benchmark:
            benchmark_of("train_source_only", "{study}/{run}/{seeds}")
        threads: 1
        resources:
            mem_mb=training_memory,
            runtime=training_runtime,
        message:
            "Training {wildcards.run} of {wildcards.study}, seeds {wildcards.seeds}"
        script:
            "../scripts/train.py"

    rule cross_validate:
        input:
            shards=cross_validation_shards,
        output:
            table=PATHS.cross_validation,
        params:
            training=cross_validation_params,
            code=code("cross_validate"),
        log:
            log_of("cross_validate", "{study}"),
        benchmark:
            benchmark_of("cross_validate", "{study}")
        threads: 1
        resources:
            mem_mb=4000,
            runtime=240,
        message:
            "Cross-validating hyper-parameters of {wildcards.study} on labelled data"
        script:
            "../scripts/cross_validate.py"
