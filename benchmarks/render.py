"""Time the renderer against lenstronomy, and against deeplenstronomy where it is installed, on one core in one run.

    python benchmarks/render.py [--images 1000] [--rounds 7] [--deeplenstronomy-python PATH] [--output PATH]

All make noise-free images of the lenses of the einstein_radius study in the g band, each with a seeing of its own: 40 x
40 pixels, an SIE with external shear, Sersic light of lens and source, a Gaussian point-spread function. Drawing the
parameters is not timed (except in deeplenstronomy, which does not separate it, nor the noise). Processor time is
measured, in turns; ratios are formed within a turn, and their median and range over the turns are given. Still, measure
on a quiet machine: other programs' use of the caches slows large arrays more than it slows Python.

deeplenstronomy 0.0.2.3 wants a lenstronomy of its own, hence its own environment:

    python -m venv venv && venv/bin/pip install deeplenstronomy==0.0.2.3 'lenstronomy<=1.14.0' 'jampy<8'
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"  # read when numpy and torch are imported

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402
from lenstronomy.SimulationAPI.sim_api import SimAPI  # noqa: E402

from sim2sky.config import Simulation, Survey  # noqa: E402
from sim2sky.lensing.raytrace import render  # noqa: E402
from sim2sky.observe.psf import gaussian_blur  # noqa: E402
from sim2sky.simulate.population import draw  # noqa: E402
from sim2sky.store import atomic  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
ZERO_POINT = 30.0
BATCH = 250  # images of ours at once
PEER_IMAGES = 50  # of the slow ones per turn
LIGHT = ("magnitude", "R_sersic", "n_sersic", "e1", "e2", "center_x", "center_y")
MODELS = {
    "lens_model_list": ["SIE", "SHEAR"],
    "lens_light_model_list": ["SERSIC_ELLIPSE"],
    "source_light_model_list": ["SERSIC_ELLIPSE"],
}


def lenses(count: int) -> tuple[Simulation, dict[str, np.ndarray], np.ndarray]:
    """The simulation of the study, and parameters and seeing of its first lenses."""
    study = yaml.safe_load((ROOT / "config/studies/einstein_radius.yaml").read_text())
    simulation = Simulation.model_validate(study["simulations"]["galaxy_lenses"])
    survey = Survey.model_validate(yaml.safe_load((ROOT / "resources/surveys/des.yaml").read_text()))
    seeing = survey.bands["g"].seeing
    chance = np.array(seeing.weights) / np.sum(seeing.weights)
    drawn = {name: variable.data for name, variable in draw(simulation, range(count)).items()}
    return simulation, drawn, np.random.default_rng(1).choice(seeing.values, count, p=chance)


def ours(simulation: Simulation, drawn: dict[str, np.ndarray], seeing: np.ndarray) -> np.ndarray:
    """Images from the renderer."""
    images = np.empty((len(seeing), simulation.pixels, simulation.pixels), np.float32)
    for start in range(0, len(seeing), BATCH):
        part = slice(start, start + BATCH)
        parameters = {name: torch.from_numpy(values[part]).float() for name, values in drawn.items()}
        lens, source = render(
            parameters,
            simulation.pixels,
            simulation.pixel_scale,
            simulation.supersampling,
            ZERO_POINT,
            integrate_cusps=simulation.cusps == "integrated",
        )
        images[part] = gaussian_blur(lens.add_(source), seeing[part], simulation.pixel_scale).numpy()
    return images


class Lenstronomy:
    """The same images from lenstronomy, lens by lens."""

    def __init__(self, simulation: Simulation, drawn: dict[str, np.ndarray], seeing: np.ndarray):
        self.simulation = simulation
        self.lenses = [self._lens(drawn, index) | {"seeing": float(seeing[index])} for index in range(PEER_IMAGES)]
        self.prepared = [self._prepare(**lens) for lens in self.lenses]

    @staticmethod
    def _lens(drawn: dict[str, np.ndarray], index: int) -> dict:
        def pick(names: tuple[str, ...], prefix: str = "") -> dict[str, float]:
            return {name: float(drawn[prefix + name][index]) for name in names}

        lens = [pick(("theta_E", "e1", "e2", "center_x", "center_y")), pick(("gamma1", "gamma2"))]
        return {"lens": lens, "lens_light": [pick(LIGHT, "lens_light_")], "source": [pick(LIGHT, "source_light_")]}

    def _prepare(self, lens: list, lens_light: list, source: list, seeing: float) -> tuple:
        noise = {"exposure_time": 90, "read_noise": 7, "sky_brightness": 22}  # asked for, not used
        band = noise | {"magnitude_zero_point": ZERO_POINT, "seeing": seeing, "psf_type": "GAUSSIAN"}
        api = SimAPI(self.simulation.pixels, band | {"pixel_scale": self.simulation.pixel_scale}, MODELS)
        model = api.image_model_class({"supersampling_factor": self.simulation.supersampling})
        lens_light, source, _ = api.magnitude2amplitude(lens_light, source)
        return model, (lens, source, lens_light)

    def whole(self) -> np.ndarray:
        """Through SimAPI, as one simulates lenses that each have other conditions."""
        prepared = [self._prepare(**lens) for lens in self.lenses]
        return np.stack([model.image(*arguments) for model, arguments in prepared])

    def images_only(self) -> np.ndarray:
        """Only ImageModel.image, with models and amplitudes made beforehand and untimed."""
        return np.stack([model.image(*arguments) for model, arguments in self.prepared])


DEEPLENSTRONOMY = """
import io, sys, time, contextlib
with contextlib.redirect_stdout(io.StringIO()):
    import deeplenstronomy.deeplenstronomy as dl
for _ in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()):
        begun = time.process_time()
        made = len(dl.make_dataset(sys.argv[1]).CONFIGURATION_1_images)
    print((time.process_time() - begun) / made, flush=True)
"""


def deeplenstronomy_config(simulation: Simulation, folder: Path) -> Path:
    """A configuration file of deeplenstronomy for the same population."""

    def distributions(component: str, names: tuple[str, ...]) -> dict:
        chosen = {name: getattr(getattr(simulation.population, component), name) for name in names}
        return {
            name: {
                "DISTRIBUTION": {"NAME": "uniform", "PARAMETERS": {"minimum": d.uniform[0], "maximum": d.uniform[1]}}
            }
            if d.uniform
            else float(d.constant)
            for name, d in chosen.items()
        }

    def profile(name: str, component: str, names: tuple[str, ...]) -> dict:
        return {"NAME": name, "PARAMETERS": distributions(component, names)}

    sie = profile("SIE", "lens_mass", ("theta_E", "e1", "e2", "center_x", "center_y"))
    light = {f"{kind}_light": profile("SERSIC_ELLIPSE", f"{kind}_light", LIGHT) for kind in ("lens", "source")}
    seeing = {"DISTRIBUTION": {"NAME": "uniform", "PARAMETERS": {"minimum": 0.72, "maximum": 1.8}}}
    camera = {"exposure_time": 90, "psf_type": "GAUSSIAN", "read_noise": 7, "ccd_gain": 6.083}
    conditions = {"seeing": seeing, "magnitude_zero_point": ZERO_POINT, "sky_brightness": 23.5, "num_exposures": 10}
    size = {"SIZE": PEER_IMAGES + 1, "OUTDIR": str(folder / "out"), "SEED": 1}  # it makes one fewer than asked for
    config = {
        "DATASET": {"NAME": "benchmark", "PARAMETERS": size},
        "COSMOLOGY": {"NAME": "FlatLambdaCDM", "PARAMETERS": {"H0": 70, "Om0": 0.3}},
        "IMAGE": {"PARAMETERS": camera | {"numPix": simulation.pixels, "pixel_scale": simulation.pixel_scale}},
        "SURVEY": {"PARAMETERS": {"BANDS": "g"} | conditions},
        "SPECIES": {
            "GALAXY_1": {
                "NAME": "LENS",
                "LIGHT_PROFILE_1": light["lens_light"],
                "MASS_PROFILE_1": sie,
                "SHEAR_PROFILE_1": profile("SHEAR", "lens_mass", ("gamma1", "gamma2")),
            },
            "GALAXY_2": {"NAME": "SOURCE", "LIGHT_PROFILE_1": light["source_light"], "MASS_PROFILE_1": sie},
        },
        "GEOMETRY": {
            "CONFIGURATION_1": {
                "NAME": "galaxy-galaxy",
                "FRACTION": 1.0,
                "PLANE_1": {"OBJECT_1": "LENS", "PARAMETERS": {"REDSHIFT": 0.5}},
                "PLANE_2": {"OBJECT_1": "SOURCE", "PARAMETERS": {"REDSHIFT": 2.0}},
            }
        },
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def deeplenstronomy(python: str, simulation: Simulation) -> Iterator[Callable[[], float]]:
    """A running deeplenstronomy that gives, each time it is called, the seconds that one of its images took."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-W", "ignore", "-c", DEEPLENSTRONOMY, str(deeplenstronomy_config(simulation, Path(folder)))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

            def seconds() -> float:
                process.stdin.write("go\n")
                process.stdin.flush()
                answer = process.stdout.readline()
                if not answer:
                    raise SystemExit(f"{python}: deeplenstronomy failed, see above")
                return float(answer)

            yield seconds
            process.stdin.close()


def timed(make: Callable[[], np.ndarray]) -> Callable[[], float]:
    """Turn something that makes images into something that gives the seconds that one of them took."""

    def seconds() -> float:
        begun = time.process_time()
        made = len(make())
        return (time.process_time() - begun) / made

    return seconds


def measure(programs: dict[str, Callable[[], float]], rounds: int) -> pd.DataFrame:
    """Seconds per image, a row per turn and a column per program; the first turn warms up and is dropped."""
    turns = []
    for turn in range(rounds + 1):
        turns.append({name: seconds() for name, seconds in programs.items()})
        print(f"turn {turn} of {rounds}: {', '.join(f'{s * 1e3:.3f}' for s in turns[-1].values())} ms", flush=True)
    return pd.DataFrame(turns[1:])


def table(seconds: pd.DataFrame) -> pd.DataFrame:
    """Milliseconds per image of each program, and how many times longer than ours it takes."""
    ratio = seconds.div(seconds.iloc[:, 0], axis=0)
    columns = {}
    for name, values in (("ms_per_image", seconds * 1e3), ("ratio", ratio)):
        columns |= {name: values.median(), f"{name}_min": values.min(), f"{name}_max": values.max()}
    return pd.DataFrame(columns).rename_axis("program").assign(turns=len(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000, help="images of ours per turn (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="turns (default: %(default)s)")
    parser.add_argument("--deeplenstronomy-python", metavar="PATH", help="interpreter of its environment")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/results/benchmarks/render.csv")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    simulation, drawn, seeing = lenses(max(options.images, PEER_IMAGES))
    peer = Lenstronomy(simulation, drawn, seeing)
    expected = peer.images_only()
    difference = np.abs(ours(simulation, drawn, seeing)[:PEER_IMAGES] - expected).max((1, 2)) / expected.max((1, 2))
    print(f"largest difference from lenstronomy: {difference.max():.1e} of the peak")
    assert difference.max() < 1e-4

    programs = {
        "sim2sky": timed(lambda: ours(simulation, drawn, seeing)),
        "lenstronomy, SimAPI per image": timed(peer.whole),
        "lenstronomy, ImageModel.image only": timed(peer.images_only),
    }
    if options.deeplenstronomy_python:
        with deeplenstronomy(options.deeplenstronomy_python, simulation) as seconds:
            result = table(measure(programs | {"deeplenstronomy, make_dataset": seconds}, options.rounds))
    else:
        result = table(measure(programs, options.rounds))
    result = result.assign(torch=version("torch"), lenstronomy=version("lenstronomy"), machine=platform.machine())
    print(result.iloc[:, :7].round(3).to_string())
    with atomic(options.output) as temporary:
        result.to_csv(temporary, float_format="%.5g")
    print(f"written to {options.output}")


if __name__ == "__main__":
    main()
