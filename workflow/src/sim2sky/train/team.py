"""Several seeds of a network as one batched model: each step is one step of all seeds.

A small network leaves a GPU idle, and its step on a CPU is dominated by overhead. So the weights of all seeds are
stacked, and `torch.func.vmap` turns the calls for each seed into one. Each seed has its own initial weights, order of
images, batch statistics and gradient, as in :class:`sim2sky.train.loop.Learner`; results agree up to rounding.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from sim2sky.train.loop import Epoch, Learner, Positions
from sim2sky.train.objective import Labelled
from sim2sky.train.optimise import make_optimiser, make_schedule


class Team:
    """Learners that take every step together; a :class:`sim2sky.train.training.Training` of several seeds.

    Parameters
    ----------
    learners : sequence of Learner
        Untrained, with the same recipe, method and data. Each gets its weights back after every epoch.
    """

    def __init__(self, learners: Sequence[Learner]):
        self.learners, first = list(learners), learners[0]
        recipe = first.recipe
        self.parameters, self.buffers = stack_module_state([learner.step for learner in learners])
        self._step = copy.deepcopy(first.step).to("meta")
        for module in self._step.modules():
            if isinstance(module, _BatchNorm):
                # cuDNN's needs the memory layout, which vmap hides; the method is replaced in this copy alone
                module.forward = torch.backends.cudnn.flags(enabled=False)(module.forward)  # type: ignore[method-assign]
        # every optimiser here updates each element alone, so one for the stacked weights is one for each seed
        self.optimiser = make_optimiser(recipe.optimiser, self.parameters.values())
        self.schedule = make_schedule(recipe.schedule, self.optimiser, recipe.epochs, first.steps)

    @property
    def epochs_done(self) -> int:
        """Number of epochs trained so far."""
        return self.learners[0].epochs_done

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on after the last epoch."""
        state = {"epochs_done": self.epochs_done, "parameters": self.parameters, "buffers": self.buffers}
        return state | {"optimiser": self.optimiser.state_dict(), "schedule": self.schedule.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Return to the epoch at which :meth:`state_dict` gave `state`."""
        with torch.no_grad():
            for name in ("parameters", "buffers"):
                for key, value in getattr(self, name).items():
                    value.copy_(state[name][key])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self._hand_back(state["epochs_done"])

    def run(self) -> Iterator[list[Epoch]]:
        """Train the epochs that are left, one per iteration.

        Raises
        ------
        TrainingError
            A loss or a weight of one of the seeds is not finite.
        """
        recipe = self.learners[0].recipe
        while self.epochs_done < recipe.epochs:
            for learner in self.learners:
                learner.network.train(not (recipe.eval_after_first_epoch and self.epochs_done))
            self._step.train(self.learners[0].network.training)
            start = time.perf_counter()
            steps = zip(*(learner.batches() for learner in self.learners), strict=True)
            losses = torch.stack([self._update(together) for together in steps], dim=1).cpu()
            seconds = time.perf_counter() - start
            self._hand_back(self.epochs_done)  # before the checks, which need the new weights
            for learner, own in zip(self.learners, losses, strict=True):
                learner.check(own)
                learner.epochs_done += 1
            yield [learner.epoch(own, seconds) for learner, own in zip(self.learners, losses, strict=True)]

    def _update(self, together: Sequence[Positions]) -> torch.Tensor:
        """One update of all seeds; returns the (regression loss, adaptation loss) of each, shape (seeds, 2)."""
        batches = [
            learner.batch(source, target) for learner, (_, source, target) in zip(self.learners, together, strict=True)
        ]
        images = torch.stack([images for (images, _, _), _ in batches])
        labels = torch.stack([labels for (_, labels, _), _ in batches])
        weights = _stack([weight for (_, _, weight), _ in batches])
        other = _stack([other for _, other in batches])
        step = together[0][0]
        progress, weight = self.learners[0].progress(step)

        def losses(
            parameters: dict[str, torch.Tensor],
            buffers: dict[str, torch.Tensor],
            labelled: Labelled,
            other: torch.Tensor | None,
        ) -> tuple[torch.Tensor, torch.Tensor]:
            return functional_call(self._step, (parameters, buffers), (labelled, other, progress, weight))

        axes = (0, 0, (0, 0, None if weights is None else 0), None if other is None else 0)
        stacked = self.parameters, self.buffers, (images, labels, weights), other
        loss, parts = vmap(losses, in_dims=axes)(*stacked)
        rate = self.optimiser.param_groups[0]["lr"]
        for learner in self.learners:
            learner.lr = rate
        self.optimiser.zero_grad()
        loss.sum().backward()
        self.optimiser.step()
        self.schedule.step()
        return parts

    def _hand_back(self, epochs_done: int) -> None:
        """Give each learner its weights."""
        with torch.no_grad():
            for index, learner in enumerate(self.learners):
                learner.epochs_done = epochs_done
                own = dict(learner.step.named_parameters()) | dict(learner.step.named_buffers())
                for key, value in (self.parameters | self.buffers).items():
                    own[key].copy_(value[index])


def _stack(values: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
    """The tensors of all seeds as one, or None if there are none: all seeds have them or none has."""
    found = [value for value in values if value is not None]
    return torch.stack(found) if found else None
