# Results without a record of Snakemake: copied ones, and those that were put back from a backup. Its triggers compare params with the record,
# so that without one it goes by dates alone. Here what such results say of themselves decides.
from itertools import chain

from snakemake.iocontainers import Wildcards
from snakemake.logging import logger
from snakemake.settings.enums import PersistenceBackend
from snakemake.settings.types import RerunTrigger

from sim2sky.provenance.records import lacks_record
from sim2sky.provenance.said import otherwise, said_of, with_code

SHOWN = 3  # results that a message names


def of_simulated(wildcards):
    yield from otherwise(PATHS.simulated.format(**wildcards), simulation_params(wildcards), simulation_code(wildcards))


def simulated_with(wildcards):
    """What a shard of a dataset says of the simulation behind it."""
    simulation = DATASETS[wildcards.dataset].simulation
    made = simulation_params(Wildcards(fromdict={"simulation": simulation, "shard": wildcards.shard}))
    return made | ({"centre_crop": centre_crop_params(wildcards)} if DATASETS[wildcards.dataset].centre_crop else {})


def of_centred(wildcards):
    yield from otherwise(PATHS.centred.format(**wildcards), simulated_with(wildcards), code("centre_crop"))


def of_observed(wildcards):
    made = {"simulated": simulated_with(wildcards), "dataset": observe_params(wildcards)}
    survey = survey_params(wildcards)
    made |= {"survey": survey} if survey else {}
    made |= {"cutouts": SKY[wildcards.dataset], **lenses_to_split(wildcards)} if wildcards.dataset in SKY else {}
    yield from otherwise(PATHS.observed.format(**wildcards), made, code("inject_noise"))


def of_ingested(wildcards):
    made = {"images": reading_params(wildcards), "frame": frame_params(wildcards), **files_params(wildcards)}
    yield from otherwise(PATHS.observed.format(**wildcards), made, code("ingest"))


def of_networks(wildcards):
    from sim2sky.provenance.stale import stale  # takes longer than a dry-run should

    study, blocks = STUDIES[wildcards.study], [(wildcards.run, wildcards.seeds)]
    blocks += [(earlier, wildcards.seeds) for earlier in study.runs[wildcards.run].earlier.values()]
    models = {block: of_run(PATHS.model, wildcards.study, study, *block) for block in blocks}
    changes = stale(models, study, *blocks[0], SURVEYS, sums_of_cutouts(study.datasets))
    yield from with_code(said_of(models[blocks[0]]), changes, training_code(wildcards))


def of_measuring_network(wildcards):
    """A copied network file must be of the networks that are there, where they are."""
    from sim2sky.provenance.networks import networks_provenance

    made = {key: value for key, value in calibration_params(wildcards).items() if key != "domains"}
    models = networks_to_calibrate(wildcards)
    if all(Path(model).exists() for model in models):
        made["networks"] = [networks_provenance(model)["sha256"] for model in models]
    yield from otherwise(PATHS.network.format(**wildcards), made, calibration_code(wildcards))


def of_predictions(wildcards):
    from sim2sky.provenance.stale import stale_predictions

    study, path, model = STUDIES[wildcards.study], PATHS.predictions.format(**wildcards), trained_model(wildcards)
    made_now = model, study, wildcards.run, SURVEYS, sums_of_cutouts(study.datasets)
    changes = stale_predictions(path, *made_now) if Path(model).exists() else []
    yield from with_code(said_of(path), changes, prediction_code(wildcards))


def images_of(study):
    """What the images of a study rest on: its surveys, and the checksums of its cutouts."""
    surveys = {name: SURVEYS[name] for name in surveys_of(study)}
    return STUDIES[study], surveys, sums_of_cutouts(STUDIES[study].datasets)


def of_table(files, provenance, kind, made_by):
    def differences(wildcards):
        from sim2sky.provenance.stale import stale_table

        study, *images = images_of(wildcards.study)
        changes = stale_table(provenance, files, study, kind, *images)
        yield from with_code(said_of(provenance), changes, made_by(wildcards))

    return differences


def of_figures(wildcards):
    from sim2sky.provenance.stale import stale_figure

    for path in figures_of(wildcards.study).values():
        yield from with_code(said_of(path), stale_figure(path, *images_of(wildcards.study)), code("draw_figures"))


def silent(wildcards):
    yield "nothing says how it was made"


def jobs_of_runs():
    """Outputs of the jobs of each run and block of seeds, what checks them, and their wildcards."""
    for study, run, seeds in [(s, r, b) for s, item in STUDIES.items() for r in item.runs for b in item.seed_blocks]:
        wildcards = {"study": study, "run": run, "seeds": seeds}
        paths = [of_run(path, study, STUDIES[study], run, seeds) for path in (PATHS.model, PATHS.history)]
        yield paths, of_networks, wildcards
        yield [PATHS.predictions.format(**wildcards), PATHS.latents.format(**wildcards)], of_predictions, wildcards
        yield [PATHS.run_metrics.format(**wildcards)], silent, wildcards


def jobs_of_measurements():
    for study, asked in [(name, item.measurement) for name, item in STUDIES.items() if item.measurement]:
        for run in asked.runs:
            wildcards = {"study": study, "run": run}
            yield [PATHS.network.format(**wildcards)], of_measuring_network, wildcards


def jobs_of_studies():
    made_by = {
        "metrics": lambda wildcards: code("aggregate_metrics"),
        "error_scores": lambda wildcards: code("evaluate_errors", models=set()),
        "cross_validation": cross_validation_code,
        "degeneracy": lambda wildcards: code("compare_degenerate"),
        "reconstruction": lambda wildcards: code("reconstruct", simulate={"cosmosim"}),
    }
    for study in STUDIES:
        for kind, tables in tables_of(study).items():
            files, about = tables["files"], tables["provenance"]
            yield [*files, about], of_table(files, about, kind, made_by[kind]), {"study": study}
        yield list(figures_of(study).values()), of_figures, {"study": study}
    yield [PATHS.report], silent, {}


def jobs_of_shards():
    for name, simulation in SIMULATIONS.items():
        for shard in simulation.shards:
            wildcards = {"simulation": name, "shard": shard}
            yield [PATHS.simulated.format(**wildcards)], of_simulated, wildcards
    for name, dataset in DATASETS.items():
        for shard in OBSERVED[name][1].shards:
            wildcards = {"dataset": name, "shard": shard}
            yield [PATHS.observed.format(**wildcards)], of_ingested if dataset.images else of_observed, wildcards
            if dataset.centre_crop:
                yield [PATHS.centred.format(**wildcards)], of_centred, wildcards


def without_record():
    """Results without a record, each with what is otherwise than it would be made now."""
    found = {}
    jobs = chain(jobs_of_shards(), jobs_of_runs(), jobs_of_measurements(), jobs_of_studies())
    for paths, check, wildcards in jobs:
        lacking = [path for path in paths if lacks_record(path)]
        if lacking:
            try:
                changes = list(dict.fromkeys(check(Wildcards(fromdict=wildcards))))
            except (OSError, RuntimeError, ValueError, KeyError) as error:
                changes = [str(error)]
            found |= dict.fromkeys(lacking, changes)
    return found


def make_again(found):
    """Have results made again that are not what would be made now, and say so."""
    old = {path: changes for path, changes in found.items() if changes}
    if old and workflow.touch:
        raise WorkflowError(
            f"--touch would pass these for results of the present configuration; delete them first: {', '.join(old)}"
        )
    workflow.dag.forcefiles.update(old)
    shown = [line for path in list(old)[:SHOWN] for line in (f"  {path}", *(f"    {change}" for change in old[path]))]
    more = [f"  and {len(old) - SHOWN} more"] if len(old) > SHOWN else []
    text = f"Snakemake has no record of {len(old)} results, such as copied ones, that are not what would be made now. They are made again:"
    if old:
        logger.warning("\n".join([text, *shown, *more]), extra={"made_otherwise": old})
    if count := len(found) - len(old):
        text = f"Snakemake has no record of {count} results, such as copied ones, that say that they are what would be made now."
        logger.info(text, extra={"vouched": count})


@cache
def compare_results():
    """Once, while the DAG is built, where Snakemake would compare params with records that are files."""
    backend = workflow.workflow_settings.persistence_backend
    if RerunTrigger.PARAMS in workflow.rerun_triggers and backend == PersistenceBackend.FILE:
        make_again(without_record())
    return []


def after_comparison(wildcards):
    return compare_results()


# The first job asks for it, whichever it is: it is an input of every rule, of no files. Earlier Snakemake does not know the DAG.
if workflow.is_main_process and not CONFIG.partial and os.path.isdir(CONFIG.results):
    for each in workflow.rules:
        each.set_input(compared=after_comparison)
