"""Networks, each under its registered name. A module that registers a network is imported here."""

from sim2sky.models import lens_cnn
from sim2sky.models.registry import create_model, list_models, register_model

__all__ = ["create_model", "lens_cnn", "list_models", "register_model"]
