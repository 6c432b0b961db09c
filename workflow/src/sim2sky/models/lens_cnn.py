"""The network of Swierc et al. 2023 (arXiv:2311.17238), Table 2."""

from __future__ import annotations

import torch
from torch import nn

from sim2sky.models.registry import Network, register_models


class LensCNN(Network):
    """Three convolutions, then two linear layers.

    Parameters
    ----------
    bands : int
        Channels of the images.
    pixels : int
        Side of the square images.
    outputs : int
        Number of outputs.
    """

    def __init__(self, bands: int, pixels: int, outputs: int):
        super().__init__()
        self.features = nn.Sequential(*_stage(bands, 8, padding=2), *_stage(8, 16), *_stage(16, 32), nn.Flatten())
        side = (pixels + 2) // 2 // 2 // 2  # after three poolings, which leave nothing of fewer than 6 pixels
        self.head = nn.Sequential(nn.Linear(32 * side**2, 128), nn.ReLU(), nn.Linear(128, outputs))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


def _stage(channels: int, filters: int, padding: int = 1) -> list[nn.Module]:
    """Convolution, ReLU, batch normalisation, pooling: in the paper's order."""
    convolution = nn.Conv2d(channels, filters, kernel_size=3, padding=padding)
    return [convolution, nn.ReLU(inplace=True), nn.BatchNorm2d(filters), nn.MaxPool2d(2)]


@register_models({"lens_cnn": 6})
def lens_cnn(name: str, *, bands: int = 1, pixels: int = 40, outputs: int = 1) -> Network:
    """108,657 parameters at the defaults; the latent space after the last pooling has 800 dimensions."""
    return LensCNN(bands, pixels, outputs)
