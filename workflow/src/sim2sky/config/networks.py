"""Which options a network takes and which images, known from its source without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim2sky.config.base import known
from sim2sky.registry import Option, registered, traits

FROM_DATA = ("bands", "pixels", "outputs")  # options of every network that the data decide


def check_network(name: str, options: Mapping[str, Any]) -> None:
    """Raise ValueError, with the nearest valid name, unless `name` is a network that takes `options`."""
    known(name, registered("models"), "network")
    taken = {key: option for key, option in registered("models")[name].items() if key not in FROM_DATA}
    check_options(name, taken, options)


def check_options(name: str, taken: Mapping[str, Option], options: Mapping[str, Any]) -> None:
    """Raise ValueError, with the nearest valid name, unless what is registered as `name` takes these options."""
    for key, value in options.items():
        known(key, taken, f"option of {name}")
        option = taken[key]
        whole = option.type == "int" or (option.type == "int | None" and value is not None)
        if option.values:
            known(str(value), option.values, f"{key} of {name}")
        elif whole and (type(value) is not int or value < 1):
            raise ValueError(f"{key} of {name}: a whole number above 0 is needed, not {value!r}")


def check_side(name: str, pixels: int, options: Mapping[str, Any]) -> None:
    """Raise ValueError unless network `name` with `options` takes images of `pixels` a side."""
    size, side = traits("models").get(name), options.get("input_pixels") or pixels
    if size is None:
        return
    if side >= size.smallest and not (size.multiples and side % size.smallest):
        return
    way_out = ""
    if "input_pixels" in registered("models")[name]:
        fitting = max(1, round(side / size.smallest)) * size.smallest if size.multiples else size.smallest
        way_out = f"; `input_pixels: {fitting}` among its options resizes them"
    what = "images of at least" if side < size.smallest else "multiples of"
    raise ValueError(f"{name} takes {what} {size.smallest} pixels a side, not {side}{way_out}")


def has_dropout(name: str) -> bool:
    """Whether training network `name` draws random numbers at each step."""
    return name in traits("models") and traits("models")[name].dropout


def architecture(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Network and options that decide which weights there are: defaults filled in, without where the first ones come from."""
    taken = registered("models")[name]
    defaults = {key: option.default for key, option in taken.items() if key not in (*FROM_DATA, "weights")}
    return {"network": name} | defaults | {key: value for key, value in options.items() if key != "weights"}
