"""Networks, each under its registered name. A module that registers a network is imported here."""

from sim2sky.models import lens_cnn, lens_resnet, torchvision_networks
from sim2sky.models.registry import Network, create_model, list_models, register_model, register_models

__all__ = [
    "Network",
    "create_model",
    "lens_cnn",
    "lens_resnet",
    "list_models",
    "register_model",
    "register_models",
    "torchvision_networks",
]
