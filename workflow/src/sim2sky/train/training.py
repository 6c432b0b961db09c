"""What a block of seeds is trained by: one seed at a time, or several at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from sim2sky.train.loop import Epoch, Learner


class Training(Protocol):
    """A training of one or several seeds that can stop after any epoch and go on from there.

    :class:`sim2sky.train.loop.Learner` and :class:`sim2sky.train.team.Team` fulfil it.
    """

    @property
    def learners(self) -> Sequence[Learner]:
        """One per seed, with the network of that seed as it is after the last epoch."""

    @property
    def epochs_done(self) -> int:
        """Number of epochs trained so far, the same for all learners."""

    def run(self) -> Iterator[list[Epoch]]:
        """Train the epochs that are left; each iteration trains one and yields what it did, one item per learner.

        Raises
        ------
        TrainingError
            A loss or a weight is not finite.
        """

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on after the last epoch: tensors and plain types."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Return to the epoch at which :meth:`state_dict` gave `state`."""
