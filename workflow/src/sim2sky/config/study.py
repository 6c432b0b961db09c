"""A study, and the file that names the studies."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from sim2sky.config.analyses import Degeneracy, Measurement, Reconstruction, StuckAtMean
from sim2sky.config.base import Distinct, Name, Strict, merge
from sim2sky.config.observe import Dataset
from sim2sky.config.simulate import AnySimulation
from sim2sky.config.train import CrossValidation, Method, Recipe, Run

Statistics = Literal["running", "batch", "adabn"]
_SOURCES = ("config", "docs", "profiles", "resources", "slurm", "tests", "workflow")  # folders of the repository
FEWEST = 200  # images that the statistics of a domain are taken from
MEAN_PARAMETER = "mean"  # stands in `parameter` for the mean over all regressed parameters, each in its own unit


class Published(Strict):
    """A published number that a row of the summary is compared with, for one run or for all runs with a method and a recipe."""

    run: Name | None = Field(None, description="key of `runs`; null goes by `method` and `recipe`")
    method: Name | None = Field(None, description="key of `methods`")
    recipe: Name | None = Field(None, description="key of `recipes`")
    domain: Name = Field(description="key of `datasets`")
    statistics: Statistics = Field(
        description="where batch normalisation took its statistics from when the network was tested"
    )
    parameter: Name | None = Field(
        None, description="one of `targets`, or `mean`, the mean over all of them; null is the first"
    )
    metric: str = Field(description="name of the metric, for example r2")
    mean: float = Field(description="published mean over the networks")
    std: float | None = Field(None, ge=0, description="published standard deviation over the networks")
    source: str = Field(description="publication and table")

    @model_validator(mode="after")
    def _of_something(self) -> Published:
        if (self.run is None) != (self.method is not None) or (self.run is None) != (self.recipe is not None):
            raise ValueError("needs either `run`, or both `method` and `recipe`")
        return self


class Study(Strict):
    """One file of ``config/studies``."""

    title: str = Field(description="heading in the report")
    abstract: str = Field(description="what the study asks, for the report")
    reference: str = Field(description="the publication that it reproduces")
    chapter: Literal["adaptation", "regression", "images"] = Field(
        "adaptation",
        description="what the report shows: what adaptation gains on a target, how well each run regresses all parameters, or, for a "
        "study that trains nothing, a comparison of images (`degeneracy`)",
    )
    targets: Annotated[list[Name], Distinct] = Field([], description="parameters that the networks regress")
    seeds: int = Field(1, gt=0, le=10_000, description="networks per run, with seeds 0, 1, ...")
    seeds_per_job: PositiveInt = Field(1, description="seeds trained in one job")
    statistics: Annotated[list[Statistics], Distinct] = Field(
        ["running", "batch", "adabn"],
        min_length=1,
        description="where batch normalisation takes its statistics from when networks are tested: training, each test "
        "batch, or all training images of the domain (AdaBN)",
    )
    simulations: dict[Name, AnySimulation] = Field(
        {}, description="noise-free lenses; `engine` says by which program, `galaxy` if not given"
    )
    datasets: dict[Name, Dataset] = Field({}, description="domains: simulations as observed, and real images")
    recipes: dict[Name, Recipe] = Field({}, description="ways to train")
    methods: dict[Name, Method] = Field({}, description="ways to adapt")
    runs: dict[Name, Run] = Field({}, description="what is trained: a method by a recipe on domains")
    only_runs: Annotated[list[Name], Distinct] = Field(
        [],
        description="keys of `runs`: train only these, the runs that they are made from, and use only the datasets that these and analyses need; an empty list means all",
    )
    cross_validation: CrossValidation | None = Field(None, description="null leaves it out")
    stuck_at_mean: StuckAtMean | None = Field(None, description="null leaves the count out")
    degeneracy: Degeneracy | None = Field(None, description="null leaves the comparison out")
    reconstruction: Reconstruction | None = Field(None, description="null leaves it out")
    measurement: Measurement | None = Field(None, description="null measures nothing")
    published: list[Published] = Field([], description="published numbers to compare with")

    @model_validator(mode="after")
    def _asks_something(self) -> Study:
        parts = ("targets", "simulations", "datasets", "recipes", "methods", "runs")
        if self.chapter != "images":
            if missing := [name for name in parts if not getattr(self, name)]:
                raise ValueError(f"{', '.join(missing)}: at least 1 is needed, unless it is `chapter: images`")
        elif given := [name for name in parts if getattr(self, name)]:
            raise ValueError(f"{', '.join(given)}: `chapter: images` trains nothing")
        elif not self.degeneracy:
            raise ValueError("degeneracy: is missing; `chapter: images` has nothing else")
        return self

    @property
    def seed_blocks(self) -> list[str]:
        """Blocks of seeds, ``first-last``, one training job each."""
        starts = range(0, self.seeds, self.seeds_per_job)
        return [f"{start}-{min(start + self.seeds_per_job, self.seeds) - 1}" for start in starts]

    @property
    def error_scores(self) -> list[tuple[str, str]]:
        """Every (run, dataset) of `measurement` whose true values are known, so that its errors can be scored."""
        asked = self.measurement
        simulated = [name for name in asked.datasets if self.datasets[name].simulation] if asked else []
        return [(run, name) for run in asked.runs for name in simulated] if asked else []

    def measuring_domains(self, run: str) -> list[str]:
        """Datasets that the network file of a run has the statistics of, without real images that are too few."""
        asked, of_run = self.measurement, [name for _, name in self.runs[run].domains]
        more = [*asked.datasets, asked.calibrate_on or of_run[0]] if asked else []
        return list(dict.fromkeys(self.measured_as(run, name) for name in (*of_run, *more)))

    def measured_as(self, run: str, dataset: str) -> str:
        """The domain of a run's network file that a dataset is measured as: itself, or what it is like, for less than `FEWEST` real images."""
        images = self.datasets[dataset].images
        if images is None or dataset == self.runs[run].target:
            return dataset
        start, stop = self.datasets[dataset].split.bounds(self.observed(dataset)[1].lenses)["train"]
        return dataset if stop - start >= FEWEST else images.like

    def tabulated(self) -> Study:
        """The study without what its tables do not show, so that a reworded abstract does not make them anew."""
        words = {"title": "", "abstract": "", "reference": ""}
        parts = dict.fromkeys(("cross_validation", "degeneracy", "reconstruction", "measurement"))
        return self.model_copy(update=words | parts)

    def made_with(self, table: str) -> dict[str, Any]:
        """What decides the numbers of a table: ``metrics``, ``error_scores``, ``cross_validation``, ``degeneracy`` or ``reconstruction``.

        Raises
        ------
        ValueError
            The study has no such table.
        """
        match table:
            case "metrics":
                return self.tabulated().params()
            case "cross_validation" if cross := self.cross_validation:
                recipe = self.recipes[cross.recipe].params()
                return {"targets": self.targets, "recipe": recipe, "cross_validation": cross.params()}
            case "degeneracy" if self.degeneracy:
                return self.degeneracy.params()
            case "error_scores" if self.error_scores:
                return self.tabulated().model_copy(update={"measurement": self.measurement}).params()
            case "reconstruction" if asked := self.reconstruction:
                simulation = self.observed(asked.dataset)[1].params()
                about = {"domain": asked.dataset, "count": asked.images, "recipe": self.recipe_of(asked.run).params()}
                return {"simulation": simulation, **about}
        raise ValueError(f"the study has no table {table!r}")

    def observed(self, name: str) -> tuple[Dataset, AnySimulation]:
        """A dataset and its simulation; of real images, those that they are like, with as many lenses as there are images.

        So bands, frame, parts and shards of both kinds of datasets are found in one way. As long as real images are not counted, they
        are as many as the lenses of that simulation.

        Raises
        ------
        KeyError
            There is no such dataset or simulation, or real images are like real images.
        """
        dataset = self.datasets[name]
        if not (images := dataset.images):
            return dataset, self.simulations[dataset.simulation or ""]
        like = self.datasets[images.like]
        sizes = {"shard_size": images.shard_size} | ({"lenses": images.lenses} if images.lenses else {})
        simulation = self.simulations[like.simulation or ""].model_copy(update=sizes)
        return like.model_copy(update={"split": dataset.split}), simulation

    def recipe_of(self, run: str) -> Recipe:
        """The recipe of a run, with the run's own changes."""
        recipe = self.recipes[self.runs[run].recipe]
        return Recipe.model_validate(merge(recipe.model_dump(), self.runs[run].change))


class Config(Strict):
    """``config/config.yaml``."""

    studies: Annotated[list[Name], Distinct] = Field(min_length=1, description="files of config/studies that are run")
    results: str = Field("results", description="folder of all results, below the folder of the Snakefile")
    cutouts: dict[Name, str | None] = Field(
        {}, description="survey cutouts: name -> path of a FITS cube, which is only read and may lie anywhere, or null"
    )
    images: dict[Name, str | None] = Field(
        {},
        description="real images: name -> path of a folder of FITS files, a list of them, a cube or a shard, which is only read and may lie"
        " anywhere outside `results`, or null",
    )
    container: str | None = Field(
        None,
        description="image, a file or an address, that jobs run in with `--software-deployment-method apptainer`; null is none",
    )
    overrides: dict[Name, dict[str, Any]] = Field({}, description="study -> changes, merged into the study file")
    partial: bool = Field(False, description="report on the runs that exist instead of making the missing ones")

    @field_validator("results")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        path = PurePath(value)
        if not path.parts or path.is_absolute() or ".." in path.parts:
            raise ValueError("must be a folder below that of the Snakefile; it may be a link to another disk")
        if odd := set(value) - {*" -_./+=,", *filter(str.isalnum, value)}:
            raise ValueError(
                f"{' '.join(sorted(odd))}: not in the name of a folder of results, where it could mean something else"
            )
        if path.parts[0] in _SOURCES or path.parts[0].startswith("."):
            raise ValueError(f"{path.parts[0]} holds the workflow itself; name a folder of its own")
        return str(path)  # `./results` and `results/` are the same folder, of which Snakemake keeps one record
