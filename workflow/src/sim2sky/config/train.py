"""How networks are trained and adapted."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sim2sky.config.base import Name, Strict, known
from sim2sky.registry import registered

ANGLE_PERIODS = {
    "theta": 180.0,
    "phi": 360.0,
}  # degrees; an orientation repeats after half a turn, a direction does not


class Optimiser(Strict):
    """A torch optimiser."""

    name: Literal["adam", "adamw", "sgd", "rmsprop"] = Field("adam", description="which optimiser")
    lr: PositiveFloat = Field(description="learning rate")
    weight_decay: float = Field(0.0, ge=0, description="weight decay")


class Schedule(Strict):
    """How the learning rate changes over training."""

    name: Literal["constant", "cosine", "one_cycle"] = Field(
        "constant", description="which schedule, stepped every batch"
    )


class Recipe(Strict):
    """How a network is trained, whatever the adaptation."""

    network: str = Field(description="registered network")
    epochs: PositiveInt = Field(description="passes over the source training set")
    batch_size: int = Field(32, ge=2, description="images per domain and step")
    loss: Literal["mse", "mae", "huber"] = Field("mse", description="regression loss")
    optimiser: Optimiser
    schedule: Schedule = Schedule()
    standardise: bool = Field(
        False, description="subtract the mean from each target and divide by its deviation, both of the training part"
    )
    angles: Literal["degrees", "sin_cos"] = Field(
        "degrees",
        description="how angles are regressed; sin_cos: sine and cosine of twice an orientation (theta), of a direction (phi) itself",
    )
    normalisation: Literal["none", "per_domain"] = Field(
        "none", description="per_domain: subtract the mean and divide by the deviation of the domain's training pixels"
    )

    @model_validator(mode="after")
    def _known(self) -> Recipe:
        known(self.network, registered("models"), "network")
        return self


class Method(Strict):
    """A way to adapt to the target domain."""

    title: str = Field(description="name for people, used in figures")
    adaptation: str = Field(description="registered adaptation method; `none` trains on the source alone")
    weight: float = Field(1.0, ge=0, description="factor of the adaptation loss")
    weight_schedule: Literal["constant", "ganin"] = Field(
        "constant", description="ganin: times 2/(1+exp(-10 p))-1 with p the fraction of training done"
    )
    options: dict[str, Any] = Field({}, description="further options of the adaptation method")

    @model_validator(mode="after")
    def _known(self) -> Method:
        known(self.adaptation, registered("adapt"), "adaptation")
        for key in self.options:
            known(key, registered("adapt")[self.adaptation], f"option of {self.adaptation}")
        return self


class Run(Strict):
    """One variant, trained once per seed."""

    method: Name = Field(description="key of `methods`")
    recipe: Name = Field(description="key of `recipes`")
    change: dict[str, Any] = Field({}, description="what this run changes in its recipe")
    source: Name = Field(description="dataset whose labels are used")
    target: Name | None = Field(None, description="dataset that is adapted to, without labels")
    evaluate_on: list[Name] = Field(min_length=1, description="datasets whose test parts are predicted")

    @property
    def second_domain(self) -> str | None:
        """The domain that learning curves follow beside the source: the target, or the first other one it is tested on."""
        return self.target or next((name for name in self.evaluate_on if name != self.source), None)


class CrossValidation(Strict):
    """k-fold cross-validation on labelled data of one domain."""

    recipe: Name = Field(description="key of `recipes`")
    dataset: Name = Field(description="labelled dataset; only its training part is used")
    lenses: PositiveInt = Field(description="how many of its training lenses")
    folds: int = Field(5, ge=2, description="number of folds")
    grid: dict[str, list[Any]] = Field(min_length=1, description="dotted recipe key -> values to try")
