"""How parameters, metrics and BatchNorm statistics are written in figures, tables and text: the only place that says so.

Units are not repeated here: those of a parameter are the ones that its simulation states.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from sim2sky.config import Study
from sim2sky.evaluate.aggregate import GAP_CLOSED
from sim2sky.evaluate.metrics import CIRCULAR

STATISTICS_TITLES = {"running": "of training", "batch": "of each test batch", "adabn": "re-estimated (AdaBN)"}
METRIC_TITLES = {
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "bias": "bias",
    "scatter": "scatter",
    "outlier_fraction": "outliers",
    "mse": "MSE",
    CIRCULAR: "MAE, angles the short way round",
    "mmd": "squared MMD",
    "proxy_a_distance": "proxy A-distance",
    GAP_CLOSED: "gap closed",
}
CONDITIONS = {"seeing": "seeing, FWHM [arcsec]", "signal_to_noise": "signal-to-noise ratio of the lensed source"}
# Parameters as LaTeX writes them
SYMBOLS = {
    "theta_E": r"\theta_\mathrm{E}",
    "e1": "e_1",
    "e2": "e_2",
    "center_x": r"x_\mathrm{c}",
    "center_y": r"y_\mathrm{c}",
    "gamma1": r"\gamma_1",
    "gamma2": r"\gamma_2",
    "magnitude": "m",
    "R_sersic": r"R_\mathrm{e}",
    "n_sersic": "n",
    "x": "x",
    "y": "y",
    "r": "r",
    "phi": r"\phi",
    "R_E": r"R_\mathrm{E}",
    "sigma": r"\sigma_1",
    "sigma2": r"\sigma_2",
    "theta": r"\theta",
    "chi": r"\chi",
    "ellipse_ratio": "q",
    "orientation": r"\theta_\mathrm{lens}",
}
_LIGHT = re.compile(r"(?P<light>lens|source)_light_(?P<name>.+)")
_AMPLITUDE = re.compile(r"(?P<kind>alpha|beta)_(?P<m>\d+)_(?P<s>\d+)")  # of a roulette
_GREEK = dict(zip(("alpha", "beta", "gamma", "theta", "sigma", "phi", "chi"), "αβγθσφχ", strict=True))
# What `text_symbol` makes of a symbol with an index below, above, or both
_INDEXED = re.compile(r"\b([A-Za-zα-ω])(?:(?:_([\w-]+?))?\^(lens|source|\d+)|_(E|c|e|lens|\d))\b")


def latex(parameter: str) -> str | None:
    """A parameter in LaTeX, without dollar signs; None for anything else, such as the mean over several parameters."""
    if light := _LIGHT.fullmatch(parameter):
        name, band = light["name"], ""
        if name.startswith("magnitude_"):
            name, band = "magnitude", rf"_\mathrm{{{name.removeprefix('magnitude_')}}}"
        return rf"{SYMBOLS[name]}{band}^\mathrm{{{light['light']}}}" if name in SYMBOLS else None
    if amplitude := _AMPLITUDE.fullmatch(parameter):
        return rf"\{amplitude['kind']}_{{{amplitude['s']}}}^{{{amplitude['m']}}}"
    return SYMBOLS.get(parameter)


def symbol(parameter: str) -> str:
    """A parameter as figures write it."""
    found = latex(parameter)
    return parameter if found is None else f"${found}$"


def text_symbol(parameter: str) -> str:
    """A parameter as tables and sentences write it; `html` puts its indices where they belong."""
    found = latex(parameter)
    return parameter if found is None else plain_math(found)


def plain_math(formula: str) -> str:
    r"""LaTeX as plain text, such as θ_E for ``\theta_\mathrm{E}``.

    Raises
    ------
    ValueError
        The formula holds a command that has no plain form here.
    """
    text = re.sub(r"\\mathrm\{([\w-]+)\}|\{(\w+)\}", r"\1\2", formula)
    text = re.sub(r"\\([a-z]+) ?", lambda command: _GREEK.get(command[1], command[0]), text)
    if "\\" in text or "{" in text:
        raise ValueError(f"{formula}: no plain form is known of {text}")
    return text


def html(text: str) -> Markup:
    """Plain text as HTML, with symbols such as θ_E and R_E in italics and their indices below or above."""

    def indexed(found: re.Match) -> str:
        letter, below, above, alone = found.groups()
        below = below or alone
        return f"<i>{letter}</i>" + f"<sub>{below}</sub>" * bool(below) + f"<sup>{above}</sup>" * bool(above)

    return Markup(_INDEXED.sub(indexed, str(escape(text))))


def unit(study: Study, parameter: str) -> str:
    """Unit of a parameter as the study's simulations state it; empty where it has none."""
    found = {item.parameters[parameter] for item in study.simulations.values() if parameter in item.parameters}
    stated = found.pop() if found else ""
    return "" if stated in ("1", "pixel^0") else stated


def axis_label(study: Study, parameter: str, prefix: str = "") -> str:
    """Axis label of a parameter, with its unit."""
    power = re.sub(r"\^(-?\d+)", r"$^{\1}$", unit(study, parameter))
    return f"{prefix} {symbol(parameter)}".strip() + (f" [{power}]" if power else "")
