"""Adaptation methods, each under its registered name. A module that registers a method is imported here."""

from sim2sky.adapt import dann, mmd, none
from sim2sky.adapt.registry import Adaptation, create_adaptation, list_adaptations, register_adaptation

__all__ = ["Adaptation", "create_adaptation", "dann", "list_adaptations", "mmd", "none", "register_adaptation"]
