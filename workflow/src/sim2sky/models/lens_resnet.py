"""A small residual network for images of a few arcsec at the resolution of space telescopes."""

from __future__ import annotations

import torch
from torch import nn

from sim2sky.models.registry import Network, register_models

WIDTHS = (12, 18, 28, 40)  # filters of the stages, each at half the resolution of the one before
LATENT = 40


class Residual(nn.Module):
    """Two convolutions beside a shortcut, in the order of He et al. 2016 (arXiv:1512.03385).

    Parameters
    ----------
    channels, filters : int
        Channels that come in and go out.
    stride : int
        2 halves the resolution.
    """

    def __init__(self, channels: int, filters: int, stride: int):
        super().__init__()
        self.first = nn.Sequential(_convolution(channels, filters, stride), nn.ReLU(inplace=True))
        self.second = _convolution(filters, filters, 1)
        same = channels == filters and stride == 1
        self.shortcut = nn.Identity() if same else _convolution(channels, filters, stride, side=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.second(self.first(images)) + self.shortcut(images))


class LensResNet(Network):
    """A convolution, four stages of two residual blocks, and a linear layer that sees where in the frame light is.

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
        layers: list[nn.Module] = [_convolution(bands, WIDTHS[0], 2, side=5), nn.ReLU(inplace=True)]
        channels, side = WIDTHS[0], -(-pixels // 2)
        for stage, filters in enumerate(WIDTHS):
            stride = 2 if stage else 1
            layers += [Residual(channels, filters, stride), Residual(filters, filters, 1)]
            channels, side = filters, -(-side // stride)
        layers += [nn.Flatten(), nn.Linear(channels * side**2, LATENT), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(LATENT, outputs))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


def _convolution(channels: int, filters: int, stride: int, side: int = 3) -> nn.Module:
    """Convolution and batch normalisation."""
    convolution = nn.Conv2d(channels, filters, side, stride, padding=side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(filters))


@register_models({"lens_resnet": 1})
def lens_resnet(name: str, *, bands: int = 1, pixels: int = 80, outputs: int = 1) -> Network:
    """About 138,000 parameters at the defaults; the latent space has 40 dimensions."""
    return LensResNet(bands, pixels, outputs)
