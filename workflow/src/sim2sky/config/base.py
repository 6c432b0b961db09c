"""What all classes of the configuration share: strict models, fields with units, names."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

_LONGEST = 60  # bytes of a name; a file has three of them and more in its name, and 255 bytes at most


def _plain_name(value: str) -> str:
    if not value.replace("-", "").replace("_", "").isalnum():
        raise ValueError("a name has only letters, digits, '-' and '_'")
    if (size := len(value.encode())) > _LONGEST:
        raise ValueError(f"a name has at most {_LONGEST} bytes, not {size}: names of files are made from several")
    return value


def _distinct(values: list[Any]) -> list[Any]:
    twice = [str(value) for index, value in enumerate(values) if value in values[:index]]
    if twice:
        raise ValueError(f"{', '.join(dict.fromkeys(twice))}: given twice; each counts once")
    return values


Name = Annotated[str, AfterValidator(_plain_name)]
Distinct = AfterValidator(_distinct)  # of a list
Fraction = Annotated[float, Field(ge=0, le=1)]
Lenses = Annotated[int, Field(gt=0, le=10_000_000)]  # names of shards have seven digits


def unit(text: str, description: str, **kwargs: Any) -> Any:
    """A pydantic field with a unit and a description."""
    return Field(description=description, json_schema_extra={"unit": text}, **kwargs)


def unit_of(model: type[BaseModel], name: str) -> str:
    """Unit of a field of `model`, as :func:`unit` was given it."""
    extra = model.model_fields[name].json_schema_extra
    if not isinstance(extra, dict):
        raise KeyError(f"{model.__name__}.{name} has no unit")
    return str(extra["unit"])


class Strict(BaseModel):
    """Unknown keys are errors; values are frozen once read; NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads `yes` and `on` as true, which Python takes for 1."""
        name = info.field_name
        if isinstance(value, bool) and name and not _holds(cls.model_fields[name].annotation, bool):
            raise ValueError(f"a switch ({str(value).lower()}) where something else is needed")
        return value

    def params(self) -> dict[str, Any]:
        """The plain dictionary that goes into a rule's ``params``: set values and defaults, without nulls."""
        return self.model_dump(mode="json", exclude_none=True)


def as_number(value: Any) -> float | None:
    """`value` if it is a number, also one that a reader of YAML 1.1 took for text, such as ``1e-4``; None if it is not."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _holds(annotation: Any, kind: type) -> bool:
    """Whether a type, or one of those that it is made of, is `kind`."""
    return annotation is kind or any(_holds(part, kind) for part in get_args(annotation))


def known(name: str, names: Any, what: str) -> None:
    """Raise ValueError, with the nearest valid name, unless `name` is one of `names`."""
    if name not in names:
        near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(names)) or 'none'}"
        raise ValueError(f"unknown {what} {name!r}; {hint}")


def merge(base: Any, change: Any) -> Any:
    """`base` with `change` merged in: mappings key by key, anything else replaced."""
    if isinstance(base, dict) and isinstance(change, dict):
        return base | {key: merge(base.get(key), value) for key, value in change.items()}
    return change


def nested(dotted: str, value: Any) -> dict[str, Any]:
    """``nested("optimiser.lr", 1)`` is ``{"optimiser": {"lr": 1}}``."""
    for key in reversed(dotted.split(".")):
        value = {key: value}
    return value


def shard_names(lenses: int, shard_size: int) -> list[str]:
    """Names of the shards of a simulation, ``first-last`` lens."""
    starts = range(0, lenses, shard_size)
    return [f"{start:07d}-{min(start + shard_size, lenses) - 1:07d}" for start in starts]
