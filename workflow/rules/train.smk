# Networks trained on the labels of the source domain alone. adapt.smk trains by the same script and takes its functions from here.


def source_shards(wildcards):
    return shards_of(run_of(wildcards).source)


def watched_shards(wildcards):
    """Shards of the domain whose learning curve is drawn beside the source's; the target, where there is one."""
    watched = run_of(wildcards).second_domain
    return shards_of(watched) if watched else []


def earlier_model(wildcards, run):
    return of_block(PATHS.model, wildcards, run) if run else []


def start_model(wildcards):
    """Networks whose weights a run starts from."""
    return earlier_model(wildcards, run_of(wildcards).start_from)


def ranking_model(wildcards):
    """Networks whose errors say which lenses a run is trained on."""
    return earlier_model(wildcards, run_of(wildcards).earlier.get("train_on.worst_of"))


def imagenet_weights(wildcards):
    """ImageNet weights that a run starts from; the networks of an earlier run no longer need them."""
    recipe = recipe_of(wildcards.study, wildcards.run)
    return expand(WEIGHTS, network=recipe.network) if recipe.imagenet and not run_of(wildcards).start_from else []


def worst_params(study, train_on):
    if train_on:
        return {"recipe": recipe_params(study, train_on.worst_of), "fraction": train_on.fraction}


def training_params(wildcards):
    """Everything of the configuration that a run's networks depend on."""
    return _training_params(wildcards.study, wildcards.run)


@cache
def _training_params(name, run_name):
    study, run = STUDIES[name], STUDIES[name].runs[run_name]
    watched = run.second_domain
    return {
        "targets": study.targets,
        "recipe": recipe_params(name, run_name),
        "method": study.methods[run.method].model_copy(update={"title": run.method}).params(),
        "domains": {
            "source": domain_of(run.source),
            "adapt_to": domain_of(run.target) if run.target else None,
            "watch": domain_of(watched) if watched else None,
        },
        "worst": worst_params(name, run.train_on),
    }


def training_code(wildcards):
    return code_of_training(wildcards.study, wildcards.run)


@cache
def code_of_training(study, run):
    recipes = [recipe_of(study, name) for name in [run, *STUDIES[study].runs[run].earlier.values()]]
    used = {"models": {recipe.network for recipe in recipes}, "losses": {recipe.loss for recipe in recipes}}
    return code("train", **used, adapt={STUDIES[study].methods[STUDIES[study].runs[run].method].adaptation})


def cross_validation_shards(wildcards):
    return shards_of(STUDIES[wildcards.study].cross_validation.dataset)


def cross_validation_params(wildcards):
    study = STUDIES[wildcards.study]
    return study.made_with("cross_validation") | {"domain": domain_of(study.cross_validation.dataset)}


def cross_validated_recipes(wildcards):
    """The recipe with each single value of the grid."""
    study = STUDIES[wildcards.study]
    cross = study.cross_validation
    changes = [nested(key, value) for key, values in cross.grid.items() for value in values]
    return [Recipe.model_validate(merge(study.recipes[cross.recipe].model_dump(), change)) for change in changes]


def cross_validation_weights(wildcards):
    return expand(
        WEIGHTS, network=sorted({recipe.network for recipe in cross_validated_recipes(wildcards) if recipe.imagenet})
    )


def cross_validation_code(wildcards):
    recipes = cross_validated_recipes(wildcards)
    used = {"models": {recipe.network for recipe in recipes}, "losses": {recipe.loss for recipe in recipes}}
    return code("cross_validate", **used, adapt={"none"})


# ---- resources


def processes_of(wildcards):
    """Processes of a training, each of which has a GPU where there are GPUs."""
    return recipe_of(wildcards.study, wildcards.run).processes


def devices_of(wildcards):
    """Processes on each node."""
    return recipe_of(wildcards.study, wildcards.run).devices


def nodes_of(wildcards):
    """Nodes of a training; None, which asks for nothing, if one is enough."""
    nodes = recipe_of(wildcards.study, wildcards.run).nodes
    return nodes if nodes > 1 else None


def launcher_of(wildcards):
    """With several nodes the job starts its own processes, as it would with MPI, instead of being one process of SLURM's."""
    return "srun" if nodes_of(wildcards) else None


def no_tasks_per_gpu(wildcards):
    """With several nodes there is one task per node, whose processes share the node's GPUs."""
    return 0 if nodes_of(wildcards) else None


def of_several_nodes():
    """Resources that only trainings on several nodes need; without any, Snakemake has five functions fewer to call for each job."""
    if all(study.recipe_of(run).nodes == 1 for study in STUDIES.values() for run in study.runs):
        return {}
    return {
        "nodes": nodes_of,
        "tasks": nodes_of,
        "tasks_per_gpu": no_tasks_per_gpu,
        "cpus_per_task": devices_of,
        "mpi": launcher_of,
    }


def training_memory(wildcards, attempt):
    run, recipe = run_of(wildcards), recipe_of(wildcards.study, wildcards.run)
    images = sum(observed(name).megabytes("train", "validation") for name in {run.source, run.second_domain} - {None})
    data = costs.training_megabytes(recipe, network_of(wildcards), images, length(wildcards.seeds))
    return costs.memory(data, attempt, costs.LIBRARIES_GPU)


def training_seconds(wildcards):
    run, recipe = run_of(wildcards), recipe_of(wildcards.study, wildcards.run)
    source = observed(run.source)
    images = source.lenses("train") * (run.train_on.fraction if run.train_on else 1)
    network = costs.network_of(NETWORKS, recipe.network, "resnet152")
    return costs.training_seconds(recipe, network, source, images, 2 if run.target else 1, length(wildcards.seeds))


def training_minutes(wildcards):
    """Expected time, for sim2sky.tools.plan; a limit that is the longest does not tell it."""
    return ceil(training_seconds(wildcards) / 60)


def training_runtime(wildcards, attempt):
    return costs.time_limit(training_seconds(wildcards), attempt)


def networks_disk(wildcards):
    return costs.networks_disk(network_of(wildcards), length(wildcards.seeds))


def cross_validation_memory(wildcards, attempt):
    images = observed(STUDIES[wildcards.study].cross_validation.dataset).megabytes("train")
    return costs.memory(2 * images, attempt, costs.LIBRARIES_GPU)


def cross_validation_seconds(wildcards):
    study = STUDIES[wildcards.study]
    cross, recipe = study.cross_validation, study.recipes[study.cross_validation.recipe]
    network = costs.network_of(NETWORKS, recipe.network, "resnet152")
    return costs.cross_validation_seconds(cross, recipe, network, observed(cross.dataset))


def cross_validation_minutes(wildcards):
    return ceil(cross_validation_seconds(wildcards) / 60)


def cross_validation_runtime(wildcards, attempt):
    return costs.time_limit(cross_validation_seconds(wildcards), attempt)


if not CONFIG.partial:

    # On the machine that snakemake runs on: the nodes that train may have no internet. The checksum vouches for the file, so no change of
    # code or parameters makes it anew; `update` keeps a file that was put there by hand.
    rule:
        name:
            "fetch_weights"
        localrule: True
        output:
            weights=update(WEIGHTS),
        log:
            log_of("fetch_weights", "{network}"),
        benchmark:
            benchmark_of("fetch_weights", "{network}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        message:
            "Fetching ImageNet weights of {wildcards.network}"
        script:
            "../scripts/fetch_weights.py"

    rule:
        name:
            "train_source_only"
        input:
            source=source_shards,
            watch=watched_shards,
            start=start_model,
            ranking=ranking_model,
            imagenet=ancient(imagenet_weights),
        output:
            model=PATHS.model.replace("{stage}", "train"),
            history=PATHS.history.replace("{stage}", "train"),
        params:
            training=training_params,
            code=training_code,
        log:
            log_of("train_source_only", "{study}/{run}/{seeds}"),
        benchmark:
            benchmark_of("train_source_only", "{study}/{run}/{seeds}")
        conda:
            "../envs/sim2sky.yaml"
        threads: processes_of
        resources:
            **of_several_nodes(),
            gpu=processes_of,
            mem_mb=training_memory,
            runtime=training_runtime,
            expected_minutes=training_minutes,
            disk_mb=networks_disk,
        message:
            "Training {wildcards.run} of {wildcards.study}, seeds {wildcards.seeds}"
        script:
            "../scripts/train.py"

    rule:
        name:
            "cross_validate"
        input:
            shards=cross_validation_shards,
            imagenet=ancient(cross_validation_weights),
        output:
            table=PATHS.cross_validation,
            provenance=PATHS.cross_validation_provenance,
        params:
            training=cross_validation_params,
            code=cross_validation_code,
        log:
            log_of("cross_validate", "{study}"),
        benchmark:
            benchmark_of("cross_validate", "{study}")
        conda:
            "../envs/sim2sky.yaml"
        threads: 1
        resources:
            gpu=1,
            mem_mb=cross_validation_memory,
            runtime=cross_validation_runtime,
            expected_minutes=cross_validation_minutes,
        message:
            "Cross-validating hyper-parameters of {wildcards.study} on labelled data"
        script:
            "../scripts/cross_validate.py"
