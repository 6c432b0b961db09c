"""Train a block of seeds of one run, from where an interrupted job stopped."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from sim2sky import store
from sim2sky.config import Method, Recipe
from sim2sky.data.domain import Domain, Part, fraction_held, load_training_parts
from sim2sky.models.network_file import write_networks
from sim2sky.provenance import record
from sim2sky.provenance.networks import networks_provenance
from sim2sky.train import checkpoint, distributed
from sim2sky.train.earlier import Worst, first_networks
from sim2sky.train.loop import Epoch, Learner
from sim2sky.train.team import Team
from sim2sky.train.training import Training

_SCORES = tuple(f"{role}_{score}" for role in ("source", "target") for score in ("loss", "r2", "rmse"))
HISTORY = ("seed", "epoch", "lr", "loss", "guess_loss", "adaptation_loss", *_SCORES)


def train_block(
    recipe: Recipe,
    method: Method,
    targets: Sequence[str],
    seeds: range,
    source: Domain,
    adapt_to: Domain | None,
    model: str | Path,
    history: str | Path,
    fingerprint: Mapping[str, str],
    threads: int = 1,
    watch: Domain | None = None,
    start_from: str | Path | None = None,
    worst: Worst | None = None,
) -> None:
    """Train one network per seed and write all of them to one file.

    After each epoch a checkpoint, `last.ckpt` beside `model`, holds everything to go on from there, except for the
    weights of the block's finished seeds, each of which has a file of its own. All are removed at the end. On a CPU a
    resumed training ends in the same bits as an unbroken one, and on a GPU if its operations are deterministic.

    Parameters
    ----------
    recipe, method : Recipe, Method
        How to train and how to adapt.
    targets : sequence of str
        Names of the parameters that the networks regress.
    seeds : range
        One network each; a network does not depend on the others of its block.
    source : Domain
        Labelled images, of whose training part the networks learn.
    adapt_to : Domain or None
        The target domain: the networks adapt to the images of its training part, without labels. If it has none at all, its scores
        in the history are empty.
    model : path
        Safetensors file, keys ``<seed>/<name of the weights>``: always the weights after the last epoch.
    history : path
        CSV with the columns `HISTORY`, one row per seed and epoch. ``loss`` is the mean over the epoch's batches. The
        scores of the validation parts are under batch statistics, or running ones with `eval_after_first_epoch`: the
        same loss, and `r2` and `rmse` as means over the parameters, in their own units. ``guess_loss`` is the training
        loss if every output were the mean of the encoded labels.
    fingerprint : mapping of str to str
        Hash of the code, for the provenance and to refuse checkpoints of other code.
    threads : int
        Threads that torch uses.
    watch : Domain or None
        A domain whose learning curve is recorded when there is none to adapt to; it has no effect on the training.
    start_from : path or None
        Networks of an earlier run with the same seeds, whose weights and encoding of the labels are taken over.
    worst : Worst or None
        Which lenses of the source's training part to learn from; None means all.

    Raises
    ------
    TrainingError
        A loss or a weight is not finite, or a training part is smaller than one batch.
    StoreError
        A shard cannot be read or holds values that are not finite.
    """
    torch.set_num_threads(max(1, threads // distributed.process_count()))
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    device, second = distributed.own_device(), adapt_to or watch
    domains = {"source": source} | ({"target": second} if second else {})
    held = fraction_held(recipe, domains.values(), ("train", "validation"))
    parts = {role: load_training_parts(domain, targets, recipe, device, held) for role, domain in domains.items()}
    print(_opening(recipe, method, seeds, parts, device), flush=True)

    encoding, weights = first_networks(start_from, recipe, targets, parts["source"]["train"].labels)
    adapt_part, train_part = parts["target"]["train"] if adapt_to else None, parts["source"]["train"]

    def learner_of(seed: int) -> Learner:
        chosen = worst.of(train_part, targets, seed) if worst else train_part
        return Learner(recipe, method, seed, chosen, encoding, adapt_part, weights[seed] if weights else None)

    identity = _identity(recipe, method, targets, seeds, domains, start_from, worst, fingerprint)
    last = Path(model).with_name("last.ckpt")
    state = checkpoint.load_block(last, identity, device, distributed.is_first())
    state = state or {"networks": {}, "finished": [], "rows": [], "learner": None}
    # each seed has its own order of the images, so together they would read streamed ones over and over
    together = recipe.seeds_together and len(seeds) > 1 and held == 1
    trainings = _trainings(learner_of, seeds, len(state["finished"]), together)
    for current in _train(trainings, state, parts, len(seeds) * recipe.epochs):
        if distributed.is_first():
            checkpoint.save_block(last, identity, current)
    if distributed.is_first():
        write_history(history, sorted(state["rows"], key=lambda row: (row["seed"], row["epoch"])))
        about = _provenance(recipe, method, targets, seeds, domains, start_from, worst, fingerprint)
        write_networks(model, state["networks"], encoding, about)
        checkpoint.remove_block(last)


def _trainings(learner_of: Callable[[int], Learner], seeds: range, finished: int, together: bool) -> Iterator[Training]:
    """One training of all seeds `together`, or one training per seed, without the first `finished` seeds."""
    if together:
        yield Team([learner_of(seed) for seed in seeds])
    else:
        yield from map(learner_of, seeds[finished:])


def _train(
    trainings: Iterable[Training], state: dict, parts: Mapping[str, Mapping[str, Part]], total: int
) -> Iterator[dict]:
    """Run one training after the other, the first one from where `state` left it.

    Parameters
    ----------
    trainings : iterable of Training
        Each is made just before it runs.
    state : dict
        As :func:`sim2sky.train.checkpoint.load_block` returns it; it is updated after each epoch and training.
    parts : mapping of str to mapping of str to Part
        By role, ``source`` or ``target``, and name.
    total : int
        Rows of the history at the end.

    Yields
    ------
    dict
        The state after each epoch, as :func:`sim2sky.train.checkpoint.save_block` takes it.
    """
    for training in trainings:
        if state["learner"]:
            training.load_state_dict(state["learner"])
            print(f"{_name(training)}: goes on after epoch {training.epochs_done}", flush=True)
        before, start = len(state["rows"]), time.perf_counter()
        for reached in training.run():
            rows = []
            for learner, epoch in zip(training.learners, reached, strict=True):
                rows.append(_row(epoch, learner, parts))
                learner.validated(rows[-1]["source_loss"])
            state["rows"] += rows
            yield state | {"learner": training.state_dict()}
            done = len(state["rows"])
            left = (time.perf_counter() - start) / (done - before) * (total - done)
            for row, epoch, learner in zip(rows, reached, training.learners, strict=True):
                print(_line(row, learner.recipe.epochs, epoch.speed, left), flush=True)
        for learner in training.learners:
            state["networks"] |= _weights(learner)
        state["learner"] = None


def _name(training: Training) -> str:
    """What messages call a training."""
    first, *others = [learner.seed for learner in training.learners]
    return f"seeds {first}-{others[-1]} together" if others else f"seed {first}"


def _weights(learner: Learner) -> dict[int, dict[str, torch.Tensor]]:
    """The learner's weights by its seed, on the CPU; none in a process that writes no files."""
    if not distributed.is_first():
        return {}
    return {learner.seed: {name: tensor.cpu() for name, tensor in learner.network.state_dict().items()}}


def _identity(
    recipe: Recipe,
    method: Method,
    targets: Sequence[str],
    seeds: range,
    domains: Mapping[str, Domain],
    start_from: str | Path | None,
    worst: Worst | None,
    fingerprint: Mapping[str, str],
) -> dict[str, str]:
    """What a checkpoint must agree with to be used."""
    start = store.checksum([start_from]) if start_from else None
    chosen = [store.checksum([worst.model]), worst.recipe.params(), worst.fraction] if worst else None
    bounds = {role: [domain.name, dict(domain.bounds)] for role, domain in domains.items()}
    return {
        "recipe": store.canonical_json(recipe.params()),
        "method": store.canonical_json(method.params()),
        "task": store.canonical_json([list(targets), list(seeds), bounds]),
        "code": store.canonical_json([fingerprint, torch.__version__]),
        "data": store.checksum([path for domain in domains.values() for path in domain.shards]),
        "earlier networks": store.canonical_json({"start_from": start, "worst": chosen}),
    }


def _provenance(
    recipe: Recipe,
    method: Method,
    targets: Sequence[str],
    seeds: range,
    domains: Mapping[str, Domain],
    start_from: str | Path | None,
    worst: Worst | None,
    fingerprint: Mapping[str, str],
) -> dict:
    """What the file of networks says about its origin."""
    config = {
        "recipe": recipe.params(),
        "method": method.params(),
        "targets": list(targets),
        "seeds": list(seeds),
        "start_from": networks_provenance(start_from)["sha256"] if start_from else None,
        "worst_of": networks_provenance(worst.model)["sha256"] if worst else None,
        "worst_fraction": worst.fraction if worst else None,
    }
    return record.provenance(config, fingerprint, domains={role: domain.origin() for role, domain in domains.items()})


def _row(epoch: Epoch, learner: Learner, parts: Mapping[str, Mapping[str, Part]]) -> dict:
    """A row of the history; labels of the target domain are used to record scores, never to choose anything."""
    row = dict.fromkeys(HISTORY) | {"seed": learner.seed, "epoch": epoch.number, "lr": epoch.lr, "loss": epoch.loss}
    row |= {"guess_loss": learner.guess_loss, "adaptation_loss": epoch.adaptation_loss}
    for role, part in parts.items():
        if "validation" in part:  # without labels there are no scores
            row |= {f"{role}_{name}": value for name, value in learner.validate(part["validation"]).items()}
    return row


def _opening(recipe: Recipe, method: Method, seeds: range, parts: Mapping, device: torch.device) -> str:
    """The first line that is printed."""
    images = ", ".join(f"{len(part['train'].images)} {role} images" for role, part in parts.items())
    count = f"{len(seeds)} x {recipe.network} (seeds {seeds[0]}-{seeds[-1]}), {recipe.epochs} epochs"
    return f"{method.title}: {count}, {images}, on {device} with {torch.get_num_threads()} thread(s)"


def _line(row: Mapping, epochs: int, speed: float, left: float) -> str:
    """The line that is printed after an epoch; `speed` is in images per second, `left` in seconds."""
    text = f"seed {row['seed']} epoch {row['epoch']}/{epochs}  loss {row['loss']:.4g}"
    if row["adaptation_loss"] is not None:
        text += f"  adaptation {row['adaptation_loss']:.4g}"
    text += f"  R2 source {row['source_r2']:.3f}"
    if row["target_r2"] is not None:
        text += f" target {row['target_r2']:.3f}"
    minutes, seconds = divmod(round(left), 60)
    return f"{text}  {speed:.0f} images/s  {minutes}:{seconds:02d} left"


def write_history(path: str | Path, rows: list[dict]) -> None:
    """Write the learning curves, a mapping per seed and epoch, whole or not at all."""
    with store.atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, HISTORY, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
