"""How networks are trained and adapted."""

from __future__ import annotations

from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sim2sky.config.base import Distinct, Name, Strict, known, unit
from sim2sky.config.networks import architecture, check_network, check_options, has_dropout
from sim2sky.registry import registered


class Optimiser(Strict):
    """A torch optimiser."""

    name: Literal["adam", "adamw", "sgd", "rmsprop", "lion"] = Field("adam", description="which optimiser")
    lr: PositiveFloat = Field(description="learning rate")
    weight_decay: float = Field(0.0, ge=0, description="weight decay")
    momentum: float = Field(0.0, ge=0, lt=1, description="of sgd and rmsprop")

    @model_validator(mode="after")
    def _has_momentum(self) -> Optimiser:
        if self.momentum and self.name not in ("sgd", "rmsprop"):
            raise ValueError(f"momentum: {self.name} has none to set; sgd and rmsprop have")
        return self


class Stage(Strict):
    """Some epochs at one learning rate."""

    epochs: PositiveInt = Field(description="how many")
    lr: PositiveFloat = Field(description="learning rate")


class Schedule(Strict):
    """How the learning rate changes over training."""

    name: Literal["constant", "cosine", "one_cycle", "staged", "plateau"] = Field(
        "constant",
        description="which schedule; `plateau` steps every epoch, the others every batch; `one_cycle` moves the first beta of Adam "
        "and its kin from 0.95 to 0.85 and back as well",
    )
    stages: list[Stage] = Field([], description="of `staged`, one after the other; together the recipe's epochs")
    factor: float = Field(0.1, gt=0, lt=1, description="of `plateau`: what the rate is multiplied by")
    patience: int = Field(
        10,
        ge=0,
        description="of `plateau`: epochs without a lower validation loss of the source before the rate is multiplied",
    )

    @model_validator(mode="after")
    def _stages_if_staged(self) -> Schedule:
        if bool(self.stages) != (self.name == "staged"):
            raise ValueError("stages: `staged` needs them, and no other schedule takes any")
        for key in ("factor", "patience") if self.name != "plateau" else ():
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key}: has no effect here; it belongs to `plateau`")
        return self


class Recipe(Strict):
    """How a network is trained, whatever the adaptation."""

    network: str = Field(description="registered network")
    network_options: dict[str, Any] = Field(
        {}, description="what the network has to set, for those of torchvision `head`, `weights` and `input_pixels`"
    )
    epochs: PositiveInt = Field(description="passes over the source training set")
    batch_size: int = Field(32, ge=2, description="images per domain and step")
    loss: Literal["mse", "mae", "huber", "gaussian_nll", "beta_nll", "flow"] = Field(
        "mse",
        description="regression loss; `gaussian_nll` and `beta_nll` (Seitzer et al. 2022, arXiv:2203.09168) give each parameter "
        "a variance, `flow` a distribution of all parameters together, by a neural spline flow; these need `standardise`",
    )
    optimiser: Optimiser
    schedule: Schedule = Schedule()
    standardise: bool = Field(
        False,
        description="subtract the mean from each regressed parameter and divide by its deviation, both of the training part",
    )
    angles: Literal["degrees", "sin_cos"] = Field(
        "degrees",
        description="how angles are regressed; sin_cos: sine and cosine of twice an orientation (theta, orientation), of a direction (phi) itself",
    )
    weight_angles: bool = Field(
        False,
        description="weight the error of `theta` by 1 - axis ratio of the source, because a round source has no orientation",
    )
    normalisation: Literal["none", "per_domain", "eight_bit"] = Field(
        "none",
        description="per_domain: subtract the mean and divide by the deviation of the domain's training pixels; eight_bit: divide by 255",
    )
    eval_after_first_epoch: bool = Field(
        False,
        description="leave the network in evaluation mode after the first epoch, as a published program does by mistake",
    )
    seeds_together: bool = Field(
        False,
        description="train the seeds of a job as one batched model, which is faster on a GPU and slower on a CPU; "
        "where images are streamed, the seeds are trained one after the other in any case",
    )
    devices: PositiveInt = Field(
        1, description="GPUs per node that share each batch, or processes where there is no GPU"
    )
    nodes: PositiveInt = Field(1, description="nodes of a SLURM cluster that share each batch; 1 on other machines")
    memory_limit_gb: PositiveFloat = unit(
        "GB",
        "images of a job that take more than this are streamed from the shards, shuffled in groups of half this size",
        default=8.0,
    )

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        check_network(self.network, self.network_options)
        if self.batch_size % self.processes:
            raise ValueError(f"devices, nodes: a batch of {self.batch_size} cannot be shared by {self.processes}")
        if self.seeds_together and self.processes > 1:
            raise ValueError("seeds_together: seeds of one batched model share one device, not several")
        if self.seeds_together and has_dropout(self.network):
            raise ValueError(
                f"seeds_together: {self.network} has dropout, which seeds of one batched model cannot draw alone"
            )
        if self.seeds_together and self.schedule.name == "plateau":
            raise ValueError("seeds_together: the seeds share one learning rate, which a plateau of one cannot lower")
        self._check_predictive()
        if stages := self.schedule.stages:
            if (total := sum(stage.epochs for stage in stages)) != self.epochs:
                raise ValueError(f"schedule.stages: they take {total} epochs, the recipe has {self.epochs}")
            if stages[0].lr != self.optimiser.lr:
                raise ValueError(
                    f"schedule.stages: the first has rate {stages[0].lr}, the optimiser {self.optimiser.lr}"
                )
        return self

    def _check_predictive(self) -> None:
        """What a loss that gives a distribution cannot do without, or not do at all."""
        if self.predictive != "none" and not self.standardise:
            raise ValueError(
                f"standardise: loss {self.loss} needs it, since its widths start near one and are bounded; set it to true"
            )
        if self.predictive != "flow":
            return
        if self.seeds_together:
            raise ValueError("seeds_together: loss flow cannot be trained as one batched model; set it to false")
        if self.weight_angles:
            raise ValueError("weight_angles: loss flow is of all parameters together and cannot weight one of them")
        if self.angles == "sin_cos":
            raise ValueError(
                "angles: sine and cosine lie on a circle, which has no density for loss flow; set it to degrees"
            )

    @property
    def predictive(self) -> Literal["none", "gaussian", "flow"]:
        """What the loss makes of a network's outputs beside an estimate."""
        if self.loss == "flow":
            return "flow"
        return "gaussian" if self.loss in ("gaussian_nll", "beta_nll") else "none"

    @property
    def processes(self) -> int:
        """Processes, each with a GPU where there are any, that share a batch."""
        return self.devices * self.nodes

    @property
    def architecture(self) -> dict[str, Any]:
        """What decides which weights there are."""
        return architecture(self.network, self.network_options)

    @property
    def trained_options(self) -> dict[str, Any]:
        """Options of a network all of whose weights are replaced by trained ones."""
        return {key: value for key, value in self.network_options.items() if key != "weights"}

    @property
    def imagenet(self) -> bool:
        """Whether the first weights are those of ImageNet."""
        return self.network_options.get("weights") == "imagenet"


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
        check_options(self.adaptation, registered("adapt")[self.adaptation], self.options)
        for key in ("weight", "weight_schedule") if self.adaptation == "none" else ():
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key}: has no effect here; `adaptation: none` has no loss that it multiplies")
        return self


class WorstPredicted(Strict):
    """The lenses of the source's training part that an earlier run predicts worst."""

    worst_of: Name = Field(description="key of `runs`; its network of the same seed predicts, in evaluation mode")
    fraction: float = Field(0.1, gt=0, le=1, description="how many of the lenses: those of the largest squared errors")


class Run(Strict):
    """One variant, trained once per seed."""

    method: Name = Field(description="key of `methods`")
    recipe: Name = Field(description="key of `recipes`")
    change: dict[str, Any] = Field({}, description="what this run changes in its recipe")
    source: Name = Field(description="dataset whose labels are used")
    target: Name | None = Field(None, description="dataset that is adapted to, without labels")
    start_from: Name | None = Field(
        None, description="key of `runs` whose final weights, seed by seed, are the first ones"
    )
    train_on: WorstPredicted | None = Field(None, description="null trains on all of the source's training part")
    evaluate_on: list[Name] = Field(min_length=1, description="datasets whose test parts are predicted")

    @property
    def stage(self) -> str:
        """The stage that makes the run's networks: ``adapt`` if it has a target domain, ``train`` if not."""
        return "adapt" if self.target else "train"

    @property
    def domains(self) -> list[tuple[str, str]]:
        """The datasets that it uses, each with the key that names it."""
        named = [("source", self.source), *([("target", self.target)] if self.target else [])]
        return named + [("evaluate_on", name) for name in self.evaluate_on]

    @property
    def earlier(self) -> dict[str, str]:
        """Runs that must be trained before this one, by the key that names them."""
        found = {"start_from": self.start_from, "train_on.worst_of": self.train_on.worst_of if self.train_on else None}
        return {key: name for key, name in found.items() if name}

    @property
    def second_domain(self) -> str | None:
        """The domain that learning curves follow beside the source: the target, or the first other one it is tested on."""
        return self.target or self._other_tested

    @property
    def compared_on(self) -> str | None:
        """The domain beside the source that runs are compared on: the target if it is tested on it, else the first other one that is."""
        return self.target if self.target in self.evaluate_on else self._other_tested

    @property
    def _other_tested(self) -> str | None:
        return next((name for name in self.evaluate_on if name != self.source), None)


class CrossValidation(Strict):
    """k-fold cross-validation on labelled data of one domain."""

    recipe: Name = Field(description="key of `recipes`")
    dataset: Name = Field(description="labelled dataset; only its training part is used")
    lenses: PositiveInt = Field(description="how many of its training lenses")
    folds: int = Field(5, ge=2, description="number of folds")
    seed: int = Field(0, ge=0, lt=2**32, description="root of the folds, the weights and the order of the images")
    grid: dict[str, Annotated[list[Any], Field(min_length=1), Distinct]] = Field(
        min_length=1, description="dotted recipe key -> values to try"
    )

    @model_validator(mode="after")
    def _apart(self) -> CrossValidation:
        for key in self.grid:
            if inside := [other for other in self.grid if other.startswith(f"{key}.")]:
                raise ValueError(
                    f"grid: {key} holds {inside[0]}, so that one would replace the other; give one of them"
                )
        return self

    @property
    def points(self) -> list[dict[str, Any]]:
        """Each point of the grid, as dotted recipe keys and values."""
        return [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]
