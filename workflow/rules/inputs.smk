# What rules take: input files and parameters by wildcards, stage by stage.

# ---- simulate


def simulation_params(wildcards):
    """The configuration of a simulation as far as one shard depends on it: the total must not matter, or a larger one starts anew."""
    last = int(wildcards.shard.split("-")[1])
    return SIMULATIONS[wildcards.simulation].model_copy(update={"lenses": last + 1, "shard_size": 1}).params()


def simulation_code(wildcards):
    return code("simulate_shard", simulate={SIMULATIONS[wildcards.simulation].engine})


# ---- observe


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
    """A dataset without what does not touch its images: its title and, unless cutouts are shared out, its split."""
    dataset = DATASETS[wildcards.dataset]
    update = {"title": wildcards.dataset} | ({} if dataset.background else {"split": Split()})
    return dataset.model_copy(update=update).params()


def survey_with(name, bands):
    survey = SURVEYS[name].params()
    return survey | {"bands": {band: conditions for band, conditions in survey["bands"].items() if band in bands}}


def survey_params(wildcards):
    """The survey's numbers for the bands in use, so that an edit of another band reruns nothing; None without a survey."""
    dataset = DATASETS[wildcards.dataset]
    return survey_with(dataset.survey, SIMULATIONS[dataset.simulation].bands) if dataset.survey else None


def lenses_to_split(wildcards):
    """The total, by its name, which only matters where cutouts are shared out between training, validation and test."""
    dataset = DATASETS[wildcards.dataset]
    return {"lenses": SIMULATIONS[dataset.simulation].lenses} if dataset.background else {}


# ---- train


def source_shards(wildcards):
    return shards_of(run_of(wildcards).source)


def watched_shards(wildcards):
    """Shards of the domain whose learning curve is drawn beside the source's; the target, where there is one."""
    watched = run_of(wildcards).second_domain
    return shards_of(watched) if watched else []


def earlier_model(wildcards, run):
    return of_run(PATHS.model, wildcards.study, run, wildcards.seeds) if run else []


def start_model(wildcards):
    """Networks whose weights a run starts from."""
    return earlier_model(wildcards, run_of(wildcards).start_from)


def ranking_model(wildcards):
    """Networks whose errors say which lenses a run is trained on."""
    return earlier_model(wildcards, run_of(wildcards).earlier.get("train_on.worst_of"))


def imagenet_weights(wildcards):
    """ImageNet weights that a run starts from; the networks of an earlier run need them no more."""
    recipe = recipe_of(wildcards.study, wildcards.run)
    return expand(WEIGHTS, network=recipe.network) if recipe.imagenet and not run_of(wildcards).start_from else []


def worst_params(study, run):
    if run.train_on:
        return {"recipe": study.recipe_of(run.train_on.worst_of).params(), "fraction": run.train_on.fraction}


def training_params(wildcards):
    """Everything of the configuration that a run's networks depend on."""
    study, run = STUDIES[wildcards.study], run_of(wildcards)
    watched = run.second_domain
    return {
        "targets": study.targets,
        "recipe": recipe_of(wildcards.study, wildcards.run).params(),
        "method": study.methods[run.method].model_copy(update={"title": run.method}).params(),
        "domains": {
            "source": domain_of(run.source),
            "adapt_to": domain_of(run.target) if run.target else None,
            "watch": domain_of(watched) if watched else None,
        },
        "worst": worst_params(study, run),
    }


@cache
def training_code(study, run):
    networks = {recipe_of(study, name).network for name in [run, *STUDIES[study].runs[run].earlier.values()]}
    return code("train", models=networks, adapt={STUDIES[study].methods[STUDIES[study].runs[run].method].adaptation})


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
    return expand(WEIGHTS, network=sorted({recipe.network for recipe in cross_validated_recipes(wildcards) if recipe.imagenet}))


def cross_validation_code(wildcards):
    return code("cross_validate", models={recipe.network for recipe in cross_validated_recipes(wildcards)}, adapt={"none"})


# ---- adapt


def target_shards(wildcards):
    return shards_of(run_of(wildcards).target)


# ---- evaluate


def trained_model(wildcards):
    return of_run(PATHS.model, wildcards.study, wildcards.run, wildcards.seeds)


def evaluated_shards(wildcards):
    return [shard for name in run_of(wildcards).evaluate_on for shard in shards_of(name)]


def prediction_params(wildcards):
    study, run = STUDIES[wildcards.study], run_of(wildcards)
    return {
        "targets": study.targets,
        "recipe": recipe_of(wildcards.study, wildcards.run).params(),
        "source": run.source,
        "domains": [domain_of(name) for name in run.evaluate_on],
        "statistics": study.statistics,
    }


def prediction_code(wildcards):
    return code("predict", models={recipe_of(wildcards.study, wildcards.run).network})


def degeneracy_params(wildcards):
    return STUDIES[wildcards.study].made_with("degeneracy")


def predictions_to_reconstruct(wildcards):
    study = STUDIES[wildcards.study]
    return of_run(PATHS.predictions, wildcards.study, study.reconstruction.run, study.seed_blocks[0])


def shards_to_reconstruct(wildcards):
    return shards_of(STUDIES[wildcards.study].reconstruction.dataset)


def reconstruction_params(wildcards):
    study = STUDIES[wildcards.study]
    domain = study.reconstruction.dataset
    return {
        "simulation": SIMULATIONS[DATASETS[domain].simulation].params(),
        "domain": domain,
        "statistics": shown_statistics(study),
        "count": study.reconstruction.images,
    }


def run_params(wildcards):
    run, stuck = run_of(wildcards), STUDIES[wildcards.study].stuck_at_mean
    names = {"run": wildcards.run, "method": run.method, "recipe": run.recipe, "source": run.source, "target": run.target}
    return names | ({"after_epochs": stuck.after_epochs} if stuck else {})


def history_to_judge(wildcards):
    """Learning curves, where the study asks which networks are stuck."""
    return of_run(PATHS.history, wildcards.study, wildcards.run, wildcards.seeds) if STUDIES[wildcards.study].stuck_at_mean else []


def _is_of(metrics, model):
    """Whether metrics are of networks: with `partial`, newer networks may be there that are not evaluated yet."""
    return model is not None and (not CONFIG.partial or Path(metrics).stat().st_mtime >= Path(model).stat().st_mtime)


def of_evaluated_runs(pattern):
    """Input function: `pattern` for every run and block; with `partial`, for those whose networks and metrics exist."""

    def paths(wildcards):
        models = {(run, seeds): path for run, seeds, path in of_all_runs(PATHS.model, wildcards.study)}
        evaluated = [(run, seeds) for run, seeds, path in of_all_runs(PATHS.run_metrics, wildcards.study) if _is_of(path, models.get((run, seeds)))]
        return [of_run(pattern, wildcards.study, *block) for block in evaluated]

    return paths


def aggregation_params(wildcards):
    return STUDIES[wildcards.study].made_with("metrics")


def aggregation_surveys(wildcards):
    return surveys_of(wildcards.study)
