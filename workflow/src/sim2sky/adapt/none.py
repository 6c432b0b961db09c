"""No adaptation: the network sees the source domain alone."""

from __future__ import annotations

from dataclasses import dataclass

from sim2sky.adapt.registry import Adaptation, register_adaptation


@register_adaptation
@dataclass(eq=False)
class none(Adaptation):  # noqa: N801  registered under its own name
    """The baseline, which has no loss: training asks for one only if there is a target domain."""
