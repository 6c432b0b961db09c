"""Train a block of seeds of one run; go on where an interrupted job stopped."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from sim2sky import store
from sim2sky.config import Method, Recipe
from sim2sky.data.domain import Domain, Part, fraction_held, load_part
from sim2sky.data.images import statistics_of
from sim2sky.models.network_file import write_networks
from sim2sky.provenance import record
from sim2sky.provenance.networks import networks_provenance
from sim2sky.train import checkpoint, distributed
from sim2sky.train.earlier import Worst, first_networks
from sim2sky.train.loop import Epoch, Learner
from sim2sky.train.team import Team

HISTORY = ("seed", "epoch", "lr", "loss", "guess_loss", "adaptation_loss")
HISTORY += tuple(f"{role}_{score}" for role in ("source", "target") for score in ("loss", "r2", "rmse"))


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

    After each epoch `last.ckpt`, beside `model`, holds everything to go on from there, but for the weights of the
    block's finished seeds, each of which has a file of its own; all are removed at the end. A resumed training ends in
    the same bits as an unbroken one.

    Parameters
    ----------
    recipe, method : Recipe, Method
        How to train and how to adapt.
    targets : sequence of str
        The parameters that are regressed.
    seeds : range
        One network each; a network does not depend on the others of its block.
    source : Domain
        Its training part is learnt from, with labels.
    adapt_to : Domain or None
        Its training part is adapted to, without labels.
    model : path
        Safetensors file, keys ``<seed>/<parameter>``: the weights after the last epoch. Nothing is selected.
    history : path
        CSV, one row per seed and epoch. Of the training part, the mean loss of the network's outputs. Of the validation
        parts, under batch statistics, or under running ones with `eval_after_first_epoch`: the same loss, `r2` and
        `rmse` as means over the targets, in their own units. ``guess_loss`` is the loss of always answering with the
        mean of the training labels.
    fingerprint : mapping of str to str
        Hash of the code, for the provenance and to refuse checkpoints of other code.
    threads : int
        Threads that torch uses.
    watch : Domain or None
        Without a domain to adapt to: one that the learning curve shows all the same. It has no part in the training.
    start_from : path or None
        Networks of the same seeds, by an earlier run, whose weights and labels are taken over.
    worst : Worst or None
        Which lenses of the source's training part are learnt from; None is all.

    Raises
    ------
    TrainingError
        A loss is not finite, or a part is smaller than one batch.
    StoreError
        A shard cannot be read or holds values that are not finite.
    """
    torch.set_num_threads(max(1, threads // distributed.processes()))
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    device = distributed.own_device()
    other = adapt_to or watch
    domains = {"source": source} | ({"target": other} if other else {})
    held = fraction_held(recipe, domains.values(), ("train", "validation"))
    parts = {role: load_domain(domain, targets, recipe, device, held) for role, domain in domains.items()}
    print(_opening(recipe, method, seeds, parts, device), flush=True)

    labels, weights = first_networks(start_from, recipe, targets, parts["source"]["train"].target)
    identity = _identity(recipe, method, targets, seeds, domains, start_from, worst, fingerprint)
    last = Path(model).with_name("last.ckpt")
    state = checkpoint.load_block(last, identity, device, distributed.is_first())
    state = state or {"networks": {}, "finished": [], "rows": [], "learner": None}
    adapt_part, shown = parts["target"]["train"] if adapt_to else None, parts["source"]["train"]

    def learner_of(seed: int) -> Learner:
        chosen = worst.of(shown, targets, seed) if worst else shown
        return Learner(recipe, method, seed, chosen, labels, adapt_part, weights[seed] if weights else None)

    # each seed goes through the images in an order of its own, which for streamed ones would be read over and over
    together = recipe.seeds_together and len(seeds) > 1 and held == 1
    for reached in (_train_together if together else _train_in_turn)(learner_of, seeds, parts, state):
        if distributed.is_first():
            checkpoint.save_block(last, identity, reached)
    if not distributed.is_first():
        return
    write_history(history, state["rows"])
    config = {"recipe": recipe.params(), "method": method.params(), "targets": list(targets), "seeds": list(seeds)}
    config |= {"start_from": networks_provenance(start_from)["sha256"] if start_from else None}
    config |= {"worst_of": networks_provenance(worst.model)["sha256"] if worst else None}
    config |= {"worst_fraction": worst.fraction if worst else None}
    origins = {role: domain.origin() for role, domain in domains.items()}
    write_networks(model, state["networks"], labels, record.provenance(config, fingerprint, domains=origins))
    checkpoint.remove_block(last)


def _train_in_turn(
    learner_of: Callable[[int], Learner], seeds: range, parts: Mapping[str, dict[str, Part]], state: dict
) -> Iterator[dict]:
    """Train one seed after the other; `state`, which is brought up to date, after each epoch."""
    for seed in seeds[len(state["finished"]) :]:
        learner = learner_of(seed)
        _resume(learner, state, f"seed {seed}")
        left = len(seeds) * learner.recipe.epochs - len(state["rows"])
        start = time.perf_counter()
        for done, epoch in enumerate(learner.run(), 1):
            state["rows"].append(_row(epoch, learner, parts))
            learner.validated(state["rows"][-1]["source_loss"])
            yield state | {"learner": learner.state_dict()}
            seconds = (time.perf_counter() - start) / done * (left - done)
            print(_line(state["rows"][-1], learner.recipe.epochs, epoch.speed, seconds), flush=True)
        state["networks"] |= _weights(learner)
        state["learner"] = None


def _train_together(
    learner_of: Callable[[int], Learner], seeds: range, parts: Mapping[str, dict[str, Part]], state: dict
) -> Iterator[dict]:
    """Train all seeds as one batched model; otherwise as :func:`_train_in_turn`."""
    team = Team([learner_of(seed) for seed in seeds])
    epochs = team.learners[0].recipe.epochs
    _resume(team, state, f"seeds {seeds[0]}-{seeds[-1]} together")
    left, start = epochs - team.epochs_done, time.perf_counter()
    for done, reached in enumerate(team.run(), 1):
        for learner, epoch in zip(team.learners, reached, strict=True):
            state["rows"].append(_row(epoch, learner, parts))
        yield state | {"learner": team.state_dict()}
        seconds = (time.perf_counter() - start) / done * (left - done)
        for row, epoch in zip(state["rows"][-len(seeds) :], reached, strict=True):
            print(_line(row, epochs, epoch.speed, seconds), flush=True)
    for learner in team.learners:
        state["networks"] |= _weights(learner)
    state["rows"].sort(key=lambda row: (row["seed"], row["epoch"]))


def _weights(learner: Learner) -> dict[int, dict[str, torch.Tensor]]:
    """The learner's weights by its seed, on the CPU; none in a process that writes no files."""
    if not distributed.is_first():
        return {}
    return {learner.seed: {name: tensor.cpu() for name, tensor in learner.network.state_dict().items()}}


def _resume(learner: Learner | Team, state: Mapping, what: str) -> None:
    if state["learner"]:
        learner.load_state_dict(state["learner"])
        print(f"{what}: goes on after epoch {learner.epochs_done}", flush=True)


def load_domain(
    domain: Domain, targets: Sequence[str], recipe: Recipe, device: torch.device, held: float
) -> dict[str, Part]:
    """Training and validation part, both normalised by the training part's own pixels, on `device`."""
    parts = {
        name: load_part(domain.shards, domain.bounds[name], targets, recipe.weight_angles, held)
        for name in ("train", "validation")
    }
    statistics = statistics_of(recipe.normalisation, parts["train"].images)
    return {name: part.prepared(statistics, device) for name, part in parts.items()}


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
    """What a checkpoint must agree with."""
    start = store.checksum([start_from]) if start_from else None
    shown = [store.checksum([worst.model]), worst.recipe.params(), worst.fraction] if worst else None
    bounds = {role: [domain.name, dict(domain.bounds)] for role, domain in domains.items()}
    return {
        "recipe": store.canonical_json(recipe.params()),
        "method": store.canonical_json(method.params()),
        "task": store.canonical_json([list(targets), list(seeds), bounds]),
        "code": store.canonical_json([fingerprint, torch.__version__]),
        "data": store.checksum([path for domain in domains.values() for path in domain.shards]),
        "earlier networks": store.canonical_json({"start_from": start, "worst": shown}),
    }


def _row(epoch: Epoch, learner: Learner, parts: Mapping[str, dict[str, Part]]) -> dict:
    """A line of the history; labels of the target are used to watch, never to choose."""
    row = dict.fromkeys(HISTORY) | {"seed": learner.seed, "epoch": epoch.number, "lr": epoch.lr, "loss": epoch.loss}
    row |= {"guess_loss": learner.guess_loss, "adaptation_loss": epoch.adaptation_loss}
    for role, part in parts.items():
        row |= {f"{role}_{name}": value for name, value in learner.validate(part["validation"]).items()}
    return row


def _opening(recipe: Recipe, method: Method, seeds: range, parts: Mapping, device: torch.device) -> str:
    images = ", ".join(f"{len(part['train'].images)} {role} images" for role, part in parts.items())
    count = f"{len(seeds)} x {recipe.network} (seeds {seeds[0]}-{seeds[-1]}), {recipe.epochs} epochs"
    return f"{method.title}: {count}, {images}, on {device} with {torch.get_num_threads()} thread(s)"


def _line(row: Mapping, epochs: int, speed: float, left: float) -> str:
    text = f"seed {row['seed']} epoch {row['epoch']}/{epochs}  loss {row['loss']:.4g}"
    if row["adaptation_loss"] is not None:
        text += f"  adaptation {row['adaptation_loss']:.4g}"
    text += f"  R2 source {row['source_r2']:.3f}"
    if row["target_r2"] is not None:
        text += f" target {row['target_r2']:.3f}"
    minutes, seconds = divmod(round(left), 60)
    return f"{text}  {speed:.0f} images/s  {minutes}:{seconds:02d} left"


def write_history(path: str | Path, rows: list[dict]) -> None:
    """Write learning curves, a mapping per seed and epoch, whole or not at all."""
    with store.atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, HISTORY, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
