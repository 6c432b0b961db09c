"""One shard of a data set: simulated lenses under a survey's conditions."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from sim2sky.config import Background, Dataset, Survey
from sim2sky.observe import carried
from sim2sky.observe.background import Sky, draw_sky
from sim2sky.observe.camera import Camera
from sim2sky.observe.conditions import Conditions, draw_conditions
from sim2sky.observe.counts import BRIGHTEST, COUNT
from sim2sky.observe.noise import add_noise, convention, flux_ratio
from sim2sky.observe.noise import sky_counts_per_second as counts_of_sky
from sim2sky.observe.psf import full_width, read_psf
from sim2sky.provenance.record import provenance
from sim2sky.store import CHUNK, IMAGE_DIMS, Shards, Variable, open_shards, write_shard

PER_BAND = ("lens", "band")
PIXELS = 2**23  # that are observed at once: 64 MB per array


@dataclass(frozen=True)
class Observed:
    """Images of some lenses [counts/s], and per lens and band how noisy they are."""

    image: np.ndarray
    sigma_background: np.ndarray
    signal_to_noise: np.ndarray


def observe(
    lens_light: np.ndarray | None,
    lensed_source: np.ndarray,
    conditions: Conditions,
    camera: Camera,
    *,
    noise: str,
    seed: int,
    lens: np.ndarray,
    sky: tuple[np.ndarray, np.ndarray] | None = None,
) -> Observed:
    """See noise-free light through the atmosphere and a camera; all in counts/s at the camera's zero point.

    Parameters
    ----------
    lens_light, lensed_source : (lens, band, N, N) array
        Light before the point-spread function. No lens light is needed where there is a sky, or a dark lens.
    conditions : Conditions
        Of these lenses.
    camera : Camera
        Of these bands.
    noise : str
        Convention of :mod:`sim2sky.observe.noise`, or ``none``: no noise is added.
    seed : int
        Seed of the data set.
    lens : (lens,) int array
        Indices of the lenses.
    sky : pair of arrays, optional
        Real sky (lens, band, N, N) and its scatter (lens, band), in place of lens light and background noise. It comes
        with the noise of everything but the source, which gets its photon noise as in `conditions.num_exposures`.

    Returns
    -------
    Observed
    """
    source = camera.blur(lensed_source, conditions)
    beneath: np.ndarray | float
    if sky is not None:
        beneath, sigma_background = sky
        luminous = source
    else:
        beneath = 0.0 if lens_light is None else camera.blur(lens_light, conditions)
        sigma_background = camera.background(noise, conditions)
        luminous = beneath + source
    image, background = beneath + source, sigma_background[..., None, None]
    if noise == "none":
        return Observed(image, sigma_background, signal_to_noise(source, np.broadcast_to(background, image.shape)))
    photons = camera.photons(noise, luminous, conditions)
    total = np.hypot(background, photons)
    image = add_noise(image, total if sky is None else photons, seed, lens, camera.resampled)
    return Observed(image, sigma_background, signal_to_noise(source, total))


def signal_to_noise(signal: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Signal-to-noise ratio of a matched filter, ``sqrt(sum (signal / sigma)^2)``; infinite where there is no noise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(np.nansum(np.square(signal / sigma), axis=(-2, -1)))


def observe_shard(
    dataset: Dataset,
    survey: Survey,
    source: str | Path,
    path: str | Path,
    fingerprint: Mapping[str, str],
    lenses: int | None = None,
    cutouts: str | Path | None = None,
    psf: Sequence[str | Path] = (),
) -> None:
    """Observe a shard of simulated lenses.

    Light is brought to the zero point of the survey's band, where a count is an electron; there it is blurred and gets
    its noise. If the data set has a zero point of its own, the finished image is then expressed at that one: flux and
    noise change by the same factor and the signal-to-noise ratio stays what the survey gives.

    Parameters
    ----------
    dataset : Dataset
        Noise, zero point, seed and perhaps a background of real sky.
    survey : Survey
        Camera and conditions.
    source : path
        Shard of `simulate_shard` or `centre_crop_shard`.
    path : path
        Shard to write: ``image``; per lens and band ``seeing``, ``sky_brightness``, ``num_exposures``,
        ``sigma_background`` and ``signal_to_noise`` (of the lensed source, all noise counted); the parameters. On real
        sky there are ``cutout`` and ``cutout_orientation`` as well, and no parameters of the lens light, which is absent;
        the sky brightness is NaN, because it is not known. Nor is the number of exposures behind a cutout:
        ``num_exposures`` is the one drawn from the survey, with which the lensed source got its photon noise, and NaN
        where the convention of the noise uses none.
    fingerprint : mapping of str to str
        Of the code.
    lenses : int, optional
        Lenses in the whole data set; needed with a background.
    cutouts : path, optional
        FITS cube of real sky; needed with a background.
    psf : sequence of path
        Files ``<name>.fits`` of the point-spread functions that the survey's bands name.

    Raises
    ------
    ValueError
        Naming the file, if the shard does not fit the survey, or the cutouts cannot be used.
    """
    started = time.perf_counter()
    shard = open_shards([source])
    bands = _checked_bands(shard, survey, source)
    psfs = {Path(file).stem: read_psf(file, survey.pixel_scale) for file in psf}
    widths = {name: np.array([full_width(one, survey.pixel_scale) for one in found]) for name, found in psfs.items()}
    camera, lens, shape = Camera.of(survey, bands, psfs), shard.read("lens"), shard.variable("lensed_source").shape
    conditions = draw_conditions(survey, bands, dataset.seed, lens, widths)
    print(f"{path}: observing {len(lens)} lenses as {dataset.title!r}, noise {dataset.noise}", flush=True)
    sky = None
    if dataset.background:
        sky = _sky(dataset, dataset.background, camera, lens, lenses, cutouts, shape[-1], bands)
        unknown = np.full(conditions.seeing.shape, np.nan)
        used = dataset.noise != "none" and convention(dataset.noise).photons_of_all
        exposures = conditions.num_exposures if used else unknown
        conditions = replace(conditions, sky_brightness=unknown, num_exposures=exposures)
    zero_point = camera.zero_point if dataset.zero_point is None else np.full(len(bands), dataset.zero_point)
    rescale = flux_ratio(camera.zero_point, zero_point)
    parts = []
    step = max(1, min(CHUNK, PIXELS // math.prod(shape[1:])))
    for start in range(0, len(lens), step):  # not all at once: float64 images need memory
        part = slice(start, min(start + step, len(lens)))
        seen = _observe_slice(dataset, shard, conditions, camera, lens, sky, part)
        image = (seen.image * rescale[:, None, None]).astype(np.float32)
        parts.append((image, seen.sigma_background * rescale, seen.signal_to_noise))
    observed = Observed(*map(np.concatenate, zip(*parts, strict=True)))
    variables = _variables(shard, observed, conditions, sky)
    config = {"simulated": shard.attributes["config"], "dataset": dataset.params(), "survey": survey.params()}
    config |= {"cutouts": sky.about, "lenses": lenses} if sky else {}
    config |= {"psf": {Path(file).stem: sha256(Path(file).read_bytes()).hexdigest() for file in psf}} if psf else {}
    more = {"zero_point": zero_point.tolist(), "pixel_scale": camera.pixel_scale, "bands": bands}
    write_shard(path, variables, provenance(config, fingerprint, **more))
    print(f"{path}: done, {len(lens) / (time.perf_counter() - started):.0f} lenses/s", flush=True)


def _checked_bands(shard: Shards, survey: Survey, source: str | Path) -> list[str]:
    """Bands of a shard, which must all be the survey's, at its pixel scale."""
    attributes = shard.attributes
    if attributes["pixel_scale"] is None:
        raise ValueError(f"{source}: has no pixel_scale, which a survey needs; set that of the simulation")
    if not math.isclose(attributes["pixel_scale"], survey.pixel_scale, rel_tol=1e-9):
        found = f"{attributes['pixel_scale']} arcsec/pixel"
        raise ValueError(f"{source}: has {found}, survey {survey.title!r} has {survey.pixel_scale}")
    if absent := [band for band in attributes["bands"] if band not in survey.bands]:
        there = ", ".join(survey.bands)
        raise ValueError(f"{source}: band {absent[0]!r} is not in survey {survey.title!r}, which has {there}")
    return list(attributes["bands"])


def _sky(
    dataset: Dataset,
    background: Background,
    camera: Camera,
    lens: np.ndarray,
    lenses: int | None,
    path: str | Path | None,
    pixels: int,
    bands: list[str],
) -> Sky:
    """Real sky for each lens, from cutouts that must fit the camera."""
    if path is None or lenses is None:
        raise ValueError(f"data set {dataset.title!r} has a background: it needs its cutouts and the number of lenses")
    if len(camera.zero_point) != 1:
        raise ValueError(f"data set {dataset.title!r}: cutouts have one band, the images {len(camera.zero_point)}")
    if not math.isclose(background.pixel_scale, camera.pixel_scale, rel_tol=1e-9):
        found = f"{background.pixel_scale} arcsec/pixel"
        raise ValueError(f"{path}: cutouts of {found}, but the images have {camera.pixel_scale}")
    sky = draw_sky(dataset, lens, lenses, path, pixels, float(camera.zero_point[0]), bands[0])
    print(f"{path}: {sky.description}", flush=True)
    return sky


def _observe_slice(
    dataset: Dataset,
    shard: Shards,
    conditions: Conditions,
    camera: Camera,
    lens: np.ndarray,
    sky: Sky | None,
    part: slice,
) -> Observed:
    """The lenses `part` of a shard, observed."""
    to_camera = _to_camera(dataset, shard, camera)[:, None, None]

    def light(name: str) -> np.ndarray:
        return shard.read(name, part.start, part.stop).astype(np.float64) * to_camera

    real = (sky.images(part.start, part.stop)[:, None], sky.scatter[sky.cutout[part]][:, None]) if sky else None
    return observe(
        light("lens_light") if not sky and "lens_light" in shard else None,
        light("lensed_source"),
        conditions[part],
        camera,
        noise=dataset.noise,
        seed=dataset.seed,
        lens=lens[part],
        sky=real,
    )


def _to_camera(dataset: Dataset, shard: Shards, camera: Camera) -> np.ndarray:
    """Factor per band from the unit of a shard's images to counts/s of the camera."""
    if shard.variable("lensed_source").attrs["units"] != COUNT:
        return flux_ratio(shard.attributes["zero_point"], camera.zero_point)
    if dataset.peak_magnitude is None:
        text = f"data set {dataset.title!r} needs a peak_magnitude, the surface brightness of {BRIGHTEST} counts"
        raise ValueError(f"{shard.paths[0]}: {text}")
    return counts_of_sky(dataset.peak_magnitude, camera.zero_point) * camera.pixel_scale**2 / BRIGHTEST


def _variables(shard: Shards, observed: Observed, conditions: Conditions, sky: Sky | None) -> dict[str, Variable]:
    """Everything that the observed shard holds."""
    gone = {"lens_light", "lensed_source"} | {name for name in shard if sky and name.startswith("lens_light_")}
    variables = carried(shard, gone) | {
        "image": Variable(observed.image, IMAGE_DIMS, "counts/s", "observed image"),
        "seeing": Variable(conditions.seeing, PER_BAND, "arcsec", "full width at half maximum of the seeing"),
        "sky_brightness": Variable(conditions.sky_brightness, PER_BAND, "mag/arcsec2", "surface brightness of the sky"),
        "num_exposures": Variable(conditions.num_exposures, PER_BAND, "1", "number of exposures"),
        "sigma_background": Variable(
            observed.sigma_background, PER_BAND, "counts/s", "standard deviation of the background per pixel"
        ),
        "signal_to_noise": Variable(
            observed.signal_to_noise, PER_BAND, "1", "signal-to-noise ratio of the lensed source"
        ),
    }
    if conditions.psf is not None:
        which = "which of the survey's point-spread functions"
        variables["psf"] = Variable(conditions.psf, PER_BAND, "1", which)
    if sky:
        variables["cutout"] = Variable(sky.index[sky.cutout], long_name="index of the survey cutout beneath")
        turns = "quarter turns of the cutout, from 4 on transposed as well"
        variables["cutout_orientation"] = Variable(sky.orientation, long_name=turns)
    return variables
