"""The training loop of one seed, the same for every network, adaptation method, optimiser and schedule."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from sim2sky import streams
from sim2sky.adapt import Adaptation, create_adaptation
from sim2sky.config import Method, Recipe
from sim2sky.data.domain import Part
from sim2sky.models.inference import latents, predict
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import make_network
from sim2sky.models.registry import Network
from sim2sky.train import distributed
from sim2sky.train.objective import Labelled, Objective
from sim2sky.train.optimise import adaptation_weight, make_optimiser, make_schedule

# a step of an epoch, the positions of its source images, and those of its target images, if there is a target
Positions = tuple[int, torch.Tensor, torch.Tensor | None]


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where it stopped and why."""


@dataclass(frozen=True)
class Epoch:
    """Record of one epoch: number (from 1), learning rate of its last batch, mean losses, images per second."""

    number: int
    lr: float
    loss: float
    adaptation_loss: float | None
    speed: float


class Step(nn.Module):
    """The loss of one step: network, adaptation and objective together, without any state of the training."""

    def __init__(self, network: Network, adaptation: Adaptation, objective: Objective):
        super().__init__()
        self.network, self.adaptation, self.objective = network, adaptation, objective

    def forward(
        self, labelled: Labelled, other: torch.Tensor | None, progress: float, weight: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, a scalar, and (regression loss of the network's own outputs, adaptation loss), shape (2,), detached.

        Parameters
        ----------
        labelled : (Tensor, Tensor, Tensor or None)
            Images of the source, labels, and weights of the labels or None, as for :class:`Objective`.
        other : Tensor or None
            Images to adapt to.
        progress, weight : float
            Fraction of the training that is done, and factor of the adaptation loss.
        """
        loss, main, latent = self.objective(self.network, *labelled)
        if other is None:
            return loss, torch.stack([main.detach(), torch.zeros_like(main)])
        # The domains pass one after the other, so that batch normalisation sees one domain at a time: in a joint
        # batch it would hide a difference of the means from the network but not from the test, where domains are
        # normalised alone, by batch or AdaBN statistics.
        all_latents = distributed.gather_rows(latent), distributed.gather_rows(self.network.features(other))
        adaptation_loss = self.adaptation.loss(*all_latents, progress)
        return loss + weight * adaptation_loss, torch.stack([main.detach(), adaptation_loss.detach()])


class Learner:
    """One seed's network, adaptation, optimiser and schedule; a :class:`sim2sky.train.training.Training` of one seed.

    Parameters
    ----------
    recipe, method : Recipe, Method
        How to train and how to adapt.
    seed : int
        Root of the random numbers for initial weights and the order of the images.
    source : Part
        Labelled training images, normalised, on the device to train on.
    encoding : LabelEncoding
        How the network's outputs encode the parameters.
    target : Part or None
        Training images to adapt to; their labels are never used.
    start : mapping of str to Tensor, optional
        Initial weights instead of random ones.

    Raises
    ------
    TrainingError
        A part is smaller than one batch.
    """

    def __init__(
        self,
        recipe: Recipe,
        method: Method,
        seed: int,
        source: Part,
        encoding: LabelEncoding,
        target: Part | None = None,
        start: Mapping[str, torch.Tensor] | None = None,
    ):
        for name, part in (("source", source), ("target", target)):
            if part is not None and len(part.images) < recipe.batch_size:
                count = len(part.images)
                raise TrainingError(f"{name}: {count} training images do not fill one batch of {recipe.batch_size}")
        self.recipe, self.method, self.seed, self.source, self.target = recipe, method, seed, source, target
        self.steps = len(source.images) // recipe.batch_size
        self.epochs_done, self.objective = 0, Objective(recipe.loss, encoding)
        device, (bands, pixels) = source.images.device, source.images.shape[1:3]
        with torch.random.fork_rng():
            torch.manual_seed(streams.torch_seed(seed, "initialisation"))
            options = recipe.network_options if start is None else recipe.trained_options
            network = make_network(recipe, encoding, bands, pixels, options)
            latent = latents(network, torch.zeros(1, bands, pixels, pixels), 1).shape[1]
            # a seed of its own: the network starts from the same weights whatever the method
            torch.manual_seed(streams.torch_seed(seed, "adaptation"))
            adaptation = create_adaptation(method.adaptation, latent, **method.options)
        if start is not None:
            network.load_state_dict(start)
        network = distributed.synchronise_batch_norm(network)
        self.network = network.to(device).to(memory_format=torch.channels_last).train()
        self.adaptation = adaptation.to(device).train()
        self.step = Step(self.network, self.adaptation, self.objective)
        # in evaluation mode Inception's auxiliary branch gets no gradient
        self._averaged_step = distributed.average_gradients(self.step, unused=recipe.eval_after_first_epoch)
        self.optimiser = make_optimiser(recipe.optimiser, self.step.parameters())
        self.schedule = make_schedule(recipe.schedule, self.optimiser, recipe.epochs, self.steps)

    @property
    def learners(self) -> list[Learner]:
        """This learner alone."""
        return [self]

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on after the last epoch; there is no random state, see :meth:`run`."""
        parts = ("network", "adaptation", "optimiser", "schedule")
        return {"epochs_done": self.epochs_done} | {name: getattr(self, name).state_dict() for name in parts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Return to the epoch at which :meth:`state_dict` gave `state`."""
        self.epochs_done = state["epochs_done"]
        for name in ("network", "adaptation", "optimiser", "schedule"):
            getattr(self, name).load_state_dict(state[name])

    def run(self) -> Iterator[list[Epoch]]:
        """Train the epochs that are left, one per iteration.

        Random numbers of an epoch come from (seed, purpose, epoch) alone, so a resumed training needs no random state.

        Raises
        ------
        TrainingError
            A loss or a weight is not finite.
        """
        while self.epochs_done < self.recipe.epochs:
            self.network.train(not (self.recipe.eval_after_first_epoch and self.epochs_done))
            torch.manual_seed(distributed.own_seed(streams.torch_seed(self.seed, "training", self.epochs_done)))
            start = time.perf_counter()
            losses = torch.stack([self._step(*step) for step in self.batches()]).cpu()
            seconds = time.perf_counter() - start
            self.check(losses)
            self.epochs_done += 1
            yield [self.epoch(losses, seconds)]

    def epoch(self, losses: torch.Tensor, seconds: float) -> Epoch:
        """Record of the epoch just done, whose steps had `losses`, shape (steps, 2), as :class:`Step` gives them."""
        loss, adaptation_loss = losses.double().mean(dim=0).tolist()
        images = self.steps * self.recipe.batch_size * (1 if self.target is None else 2)
        return Epoch(
            number=self.epochs_done,
            lr=self.lr,
            loss=loss,
            adaptation_loss=None if self.target is None else adaptation_loss,
            speed=images / seconds,
        )

    @cached_property
    def guess_loss(self) -> float:
        """Loss on the source's training part of always answering with the mean of its encoded labels."""
        return self.objective.guess(self.network, self.source.labels, self.source.weight).item()

    def validated(self, loss: float) -> None:
        """Tell the schedule the source's validation loss after an epoch."""
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(loss)

    def validate(self, part: Part) -> dict[str, float]:
        """Loss, R2 and RMSE on a labelled part, see :meth:`LabelEncoding.scores`.

        Batch normalisation is as in the epochs after the first: on batch statistics, or on running ones if the recipe
        leaves the network in evaluation mode.
        """
        batch_statistics = not self.recipe.eval_after_first_epoch
        outputs = predict(self.network, part.images, self.recipe.batch_size, batch_statistics)
        labels, objective = part.labels.cpu(), self.objective
        weight = None if part.weight is None else part.weight.cpu()
        r2, rmse = objective.encoding.scores(labels, objective.predicted(self.network, outputs))
        return {"loss": objective.regression(self.network, outputs, labels, weight).item(), "r2": r2, "rmse": rmse}

    def batches(self) -> Iterator[Positions]:
        """The steps of one epoch; each domain has its own order."""
        target: Iterator[torch.Tensor | None] = itertools.repeat(None)
        if self.target is not None:  # a smaller target domain starts again, in a new order
            rounds = (self._order(self.target, "target", cycle) for cycle in itertools.count())
            target = itertools.chain.from_iterable(rounds)
        return zip(range(self.steps), self._order(self.source, "source", 0), target, strict=False)

    def _order(self, part: Part, domain: str, cycle: int) -> Iterator[torch.Tensor]:
        size, n = self.recipe.batch_size, len(part.images)
        random = streams.generator(self.seed, f"shuffle {domain}", self.epochs_done, cycle)
        order = part.images.order(random)
        # the last, incomplete batch is left out: its batch statistics would be noisier
        return iter(torch.from_numpy(order[: n // size * size]).to(part.images.device).split(size))

    def _step(self, step: int, source: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
        """One update; returns (regression loss, adaptation loss) without waiting for a GPU."""
        loss, losses = self._averaged_step(*self.batch(source, target), *self.progress(step))
        self.lr = self.optimiser.param_groups[0]["lr"]
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        if not isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step()
        return distributed.mean_over_processes(losses)

    def batch(self, source: torch.Tensor, target: torch.Tensor | None) -> tuple[Labelled, torch.Tensor | None]:
        """Labelled source images and images to adapt to, at these positions, as :class:`Step` takes them."""
        source = distributed.own_part(source)
        weight = None if self.source.weight is None else self.source.weight[source]
        labelled = self.source.images[source], self.source.labels[source], weight
        if self.target is None or target is None:
            return labelled, None
        return labelled, self.target.images[distributed.own_part(target)]

    def progress(self, step: int) -> tuple[float, float]:
        """Fraction of the training that is done at a step, and the weight of the adaptation loss there."""
        progress = (self.epochs_done + step / self.steps) / self.recipe.epochs
        return progress, adaptation_weight(self.method, progress)

    def check(self, losses: torch.Tensor) -> None:
        """Raise a TrainingError if a loss or a weight is not finite.

        This is done once per epoch: a GPU would have to wait for a check at every step.
        """
        finite = losses.isfinite().all(dim=1)
        if not finite.all():
            step = int(finite.int().argmin())
            where = f"seed {self.seed}, epoch {self.epochs_done + 1}, step {step + 1} of {self.steps}"
            values = "regression {:g}, adaptation {:g}".format(*losses[step].tolist())
            hint = "lower the learning rate or normalise the images"
            raise TrainingError(f"{where}: the loss is not finite ({values}); {hint}")
        if not all(parameter.isfinite().all() for parameter in self.network.parameters()):
            raise TrainingError(f"seed {self.seed}, epoch {self.epochs_done + 1}: the weights are not finite after it")
