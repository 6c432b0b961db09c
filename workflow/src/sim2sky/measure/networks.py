"""Networks that come with the project: which of them fits some images, and what it has and has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sim2sky.config import Reading
from sim2sky.models.measuring import About, MeasuringNetwork
from sim2sky.observe.ingest import Entries, Frame, read_image

FOLDER = Path(__file__).parents[4] / "resources/networks"
TRIED = 8  # images by which a network is chosen


def frame_of(about: About) -> Frame:
    """The frame that images are brought to.

    Raises
    ------
    ValueError
        The network's images have no pixel scale or zero point, so that no image of the sky is like them.
    """
    if about.pixel_scale is None or about.zero_points is None:
        raise ValueError(
            f"the network of {about.study}, {about.run}, measures {about.unit} that lie nowhere on the sky"
        )
    return Frame(tuple(about.bands), about.pixels, about.pixel_scale, tuple(about.zero_points))


def described(about: About) -> str:
    """Bands, pixel scale and size of the images of a network, in words."""
    side = f"{about.pixels} x {about.pixels} pixels"
    scale = f" of {about.pixel_scale:g} arcsec" if about.pixel_scale else ""
    return f"band {', '.join(about.bands)}, {side}{scale}" + (f", {about.survey}" if about.survey else "")


def said_of(about: About) -> list[str]:
    """Sentences that say what a network was trained for, and what it has not seen."""
    domains = [str(each.get("title", name)) for name, each in about.domains.items()]
    ranges = [
        f"{name} from {about.population[name]['low']:.3g} to {about.population[name]['high']:.3g} {each['units']}".removesuffix(
            " 1"
        )
        for name, each in about.parameters.items()
    ]
    return [
        f"It was trained for: {about.title} (study {about.study}, run {about.run}, {len(about.seeds)} seeds; {described(about)}).",
        f"It has seen: {'; '.join(domains)}; {', '.join(ranges)}.",
        "It has not seen: images without a lens, lenses beyond these ranges, other bands, surveys or pixel scales. Images are measured "
        f"as the domain {about.domain}.",
    ]


class _Tried(NamedTuple):
    path: Path
    network: MeasuringNetwork
    fits: int
    reasons: Sequence[str]


def choose(entries: Entries, reading: Reading, folder: Path = FOLDER) -> tuple[Path, MeasuringNetwork]:
    """The network of a folder whose bands, pixel scale and size fit most of some images.

    The reader of images decides: up to `TRIED` of them, evenly spaced, are read for each network.

    Parameters
    ----------
    entries : Entries
        The images.
    reading : Reading
        What is said about them.
    folder : path
        With network files.

    Returns
    -------
    path, MeasuringNetwork

    Raises
    ------
    ValueError
        There is no network, none fits, or several do; the message says what there is.
    """
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise ValueError(f"{folder} holds no network; name one with --model")
    step = max(1, len(entries) // TRIED)
    sample = [entries[index] for index in range(0, len(entries), step)][:TRIED]
    tried = []
    for path in paths:
        network = MeasuringNetwork.read(path)
        found = [read_image(entry, frame_of(network.about), reading) for entry in sample]
        reasons = [image.reason or "" for image in found if image.pixels is None]
        tried.append(_Tried(path, network, len(sample) - len(reasons), reasons))
    most = max(each.fits for each in tried)
    best = [each for each in tried if each.fits == most]
    if not most:
        usual = [commonest(each.reasons) for each in tried]
        there = "; ".join(
            f"{e.path.name} ({described(e.network.about)}): {why}, as in {sample[e.reasons.index(why)].file}"
            for e, why in zip(tried, usual, strict=True)
        )
        raise ValueError(
            f"none of the networks of {folder} fits these images; {there}; if no option mends that, name another one with --model"
        )
    if len(best) > 1:
        names = ", ".join(f"{each.path} ({described(each.network.about)})" for each in best)
        raise ValueError(f"several networks fit these images; name one with --model: {names}")
    return best[0].path, best[0].network


def commonest(reasons: Sequence[str]) -> str:
    """The most frequent of some reasons."""
    return Counter(reasons).most_common(1)[0][0]
