"""The typed configuration: what may be set, its unit, its range and its default.

The JSON schemas under ``workflow/schemas`` and ``config/README.md`` are generated from these classes; `load` reads
the files that they describe.
"""

from sim2sky.config.analyses import MINIMUM_IMAGES, ChiRange, Degeneracy, Measurement, Reconstruction, StuckAtMean
from sim2sky.config.base import Fraction, Name, Strict, known, merge, nested, unit, unit_of
from sim2sky.config.cosmosim import CosmosimPopulation, CosmosimSimulation, Crop
from sim2sky.config.images import Reading
from sim2sky.config.networks import architecture, check_network, check_side
from sim2sky.config.observe import Background, BandConditions, CentreCrop, Dataset, Histogram, Split, Survey
from sim2sky.config.simulate import (
    AnySimulation,
    Distribution,
    LensMass,
    Light,
    Population,
    Simulation,
    read_simulation,
)
from sim2sky.config.study import MEAN_PARAMETER, Config, Published, Study
from sim2sky.config.train import (
    CrossValidation,
    Method,
    Optimiser,
    Recipe,
    Run,
    Schedule,
    Stage,
    WorstPredicted,
)

__all__ = [
    "read_simulation",
    "Crop",
    "CosmosimSimulation",
    "CosmosimPopulation",
    "AnySimulation",
    "MEAN_PARAMETER",
    "MINIMUM_IMAGES",
    "Background",
    "BandConditions",
    "CentreCrop",
    "ChiRange",
    "Config",
    "CrossValidation",
    "Dataset",
    "Degeneracy",
    "Distribution",
    "Fraction",
    "Histogram",
    "LensMass",
    "Light",
    "Measurement",
    "Method",
    "Name",
    "Optimiser",
    "Population",
    "Published",
    "Reading",
    "Recipe",
    "Reconstruction",
    "Run",
    "Schedule",
    "Simulation",
    "Split",
    "Stage",
    "Strict",
    "StuckAtMean",
    "Study",
    "Survey",
    "WorstPredicted",
    "architecture",
    "check_network",
    "check_side",
    "known",
    "merge",
    "nested",
    "unit",
    "unit_of",
]
