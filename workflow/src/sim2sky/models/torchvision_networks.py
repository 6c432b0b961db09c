"""The networks of torchvision, made to regress images of any number of bands.

Each is torchvision's own, with two layers replaced: the first convolution, and the last linear layer, which becomes the head. So
the latent features are those from which torchvision's last layer classifies. Initial weights are drawn as torchvision draws them, or
are ImageNet's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from sim2sky.models import imagenet
from sim2sky.models.registry import Network, register_models

if TYPE_CHECKING:  # the import takes a second, and jobs with other networks do without it
    from torchvision import models

# Sizes of the two further layers of `extra_layers`, by family, as in the listings of Vegsund & Sukarevicius 2023 (NTNU). These have none for vgg,
# which has AlexNet's here, and for convnext, which has the most common ones. Swin: a half and a quarter of the latent features.
EXTRA_LAYERS = {
    **dict.fromkeys(("alexnet", "squeezenet", "inception", "mnasnet", "vgg"), (1024, 512)),
    **dict.fromkeys(("resnet", "resnext", "wide_resnet"), (256, 128)),
    **dict.fromkeys(("densenet", "efficientnet", "convnext", "vit"), (512, 256)),
}
# torchvision scales the weights of their first layer by its number of inputs, which depends on the bands
BY_INPUTS = ("alexnet", "squeezenet", "densenet", "vit", "swin")
AUXILIARY_FROM = 299  # pixels; the auxiliary branch of Inception does not fit smaller images


class TorchvisionNetwork(Network):
    """A network of torchvision in two parts.

    Parameters
    ----------
    body : Module
        From images to latent features, or in training mode to a tuple of these and auxiliary outputs.
    head : Module
        From latent features to outputs.
    input_pixels : int or None
        Side that images are resized to, bilinearly, with antialiasing.
    """

    def __init__(self, body: nn.Module, head: nn.Module, input_pixels: int | None):
        super().__init__()
        self.body, self.head, self.input_pixels = body, head, input_pixels
        self.auxiliary_outputs: list[torch.Tensor] = []

    def features(self, images: torch.Tensor) -> torch.Tensor:
        side = self.input_pixels
        if side and images.shape[-1] != side:
            images = nn.functional.interpolate(images, (side, side), mode="bilinear", antialias=True)
        found = self.body(images)
        latent, *self.auxiliary_outputs = found if isinstance(found, tuple) else (found,)
        return latent

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


@register_models(
    {
        "densenet121": 29,
        "densenet161": 29,
        "densenet169": 29,
        "densenet201": 29,
        "resnet18": 1,
        "resnet34": 1,
        "resnet50": 1,
        "resnet101": 1,
        "resnet152": 1,
        "resnext50_32x4d": 1,
        "resnext101_32x8d": 1,
        "resnext101_64x4d": 1,
        "wide_resnet50_2": 1,
        "wide_resnet101_2": 1,
    }
)
@register_models(
    {
        "alexnet": 63,
        "convnext_base": 32,
        "convnext_large": 32,
        "convnext_small": 32,
        "convnext_tiny": 32,
        "efficientnet_b0": 1,
        "efficientnet_b1": 1,
        "efficientnet_b2": 1,
        "efficientnet_b3": 1,
        "efficientnet_b4": 1,
        "efficientnet_b5": 1,
        "efficientnet_b6": 1,
        "efficientnet_b7": 1,
        "efficientnet_v2_l": 1,
        "efficientnet_v2_m": 1,
        "efficientnet_v2_s": 1,
        "inception_v3": 75,
        "mnasnet0_5": 1,
        "mnasnet0_75": 1,
        "mnasnet1_0": 1,
        "mnasnet1_3": 1,
        "squeezenet1_0": 21,
        "squeezenet1_1": 17,
        "swin_b": 4,
        "swin_s": 4,
        "swin_t": 4,
        "swin_v2_b": 4,
        "swin_v2_s": 4,
        "swin_v2_t": 4,
        "vgg11": 32,
        "vgg11_bn": 32,
        "vgg13": 32,
        "vgg13_bn": 32,
        "vgg16": 32,
        "vgg16_bn": 32,
        "vgg19": 32,
        "vgg19_bn": 32,
    },
    dropout=True,
)
def published_network(
    name: str,
    *,
    bands: int = 1,
    pixels: int = 224,
    outputs: int = 1,
    head: Literal["plain", "extra_layers"] = "plain",
    weights: Literal["none", "imagenet"] = "none",
    input_pixels: int | None = None,
) -> Network:
    """A convolutional or Swin network of torchvision, for images of any size from the smallest one.

    Parameters
    ----------
    name : str
        Torchvision's.
    bands, pixels, outputs : int
        As for every network.
    head : str
        plain: one linear layer; extra_layers: two further ones, each with a ReLU, before it, see `EXTRA_LAYERS`.
    weights : str
        imagenet: initial weights are those of ImageNet, except for the head; see :mod:`sim2sky.models.imagenet`.
    input_pixels : int or None
        Resize images to this side.
    """
    side, pretrained = input_pixels or pixels, weights == "imagenet"
    network = _build(name, side, imagenet.CLASSES if pretrained else outputs)
    if pretrained:
        imagenet.load(network, name)
    _replace_first(network, name, bands, pretrained)
    if name == "inception_v3":
        _fit_auxiliary(network, side, outputs)
    if name.startswith("squeezenet"):
        return TorchvisionNetwork(*_squeezenet(network, bands, side, outputs, head, pretrained), input_pixels)
    dropout, last = _cut_last(network)
    if name.startswith("mnasnet"):  # its own class asks for the version of its weights on loading
        network = nn.Sequential(network.get_submodule("layers"), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return TorchvisionNetwork(network, _head(name, dropout, last, outputs, head, pretrained), input_pixels)


@register_models({"mnasnet3_8": 1, "mnasnet6_0": 1}, dropout=True)
def wide_mnasnet(
    name: str,
    *,
    bands: int = 1,
    pixels: int = 224,
    outputs: int = 1,
    head: Literal["plain", "extra_layers"] = "plain",
    input_pixels: int | None = None,
) -> Network:
    """MNASNet at the widths 3.8 and 6.0, which have no ImageNet weights; otherwise as `published_network`."""
    return published_network(name, bands=bands, pixels=pixels, outputs=outputs, head=head, input_pixels=input_pixels)


@register_models({"vit_b_16": 16, "vit_b_32": 32, "vit_h_14": 14, "vit_l_16": 16, "vit_l_32": 32}, multiples=True)
def vision_transformer(
    name: str,
    *,
    bands: int = 1,
    pixels: int = 224,
    outputs: int = 1,
    head: Literal["plain", "extra_layers"] = "plain",
    weights: Literal["none", "imagenet"] = "none",
    input_pixels: int | None = None,
) -> Network:
    """A vision transformer, for images of one size only; otherwise as `published_network`.

    ImageNet's position embeddings, for 224 pixels, are interpolated to this size.
    """
    options = {"head": head, "weights": weights, "input_pixels": input_pixels}
    return published_network(name, bands=bands, pixels=pixels, outputs=outputs, **options)


def _build(name: str, side: int, classes: int) -> nn.Module:
    """Torchvision's own network, for images of three bands."""
    from torchvision import models

    if name.startswith("mnasnet"):
        return models.MNASNet(float(name.removeprefix("mnasnet").replace("_", ".")), num_classes=classes)
    options = {"image_size": side} if name.startswith("vit") else {}
    if name == "inception_v3":
        options = {"transform_input": False, "init_weights": True}  # the transformation is of three bands
    return models.get_model(name, num_classes=classes, **options)


def _replace_first(network: nn.Module, name: str, bands: int, pretrained: bool) -> None:
    """Make the first convolution one of `bands`, with ImageNet's weights or drawn with the deviation of torchvision's."""
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    with torch.no_grad():
        if pretrained:
            weight = imagenet.of_bands(first.weight, bands)
        else:
            wider = (first.in_channels / bands) ** 0.5 if name.startswith(BY_INPUTS) else 1
            weight = torch.randn_like(first.weight[:, :1].expand(-1, bands, -1, -1)) * first.weight.std() * wider
    first.in_channels, first.weight = bands, nn.Parameter(weight.contiguous())


def _fit_auxiliary(network: models.Inception3, side: int, outputs: int) -> None:
    """Give Inception's auxiliary branch `outputs` outputs, or remove it if the images are too small for it."""
    if side < AUXILIARY_FROM:
        network.aux_logits, network.AuxLogits = False, None
    elif network.AuxLogits.fc.out_features != outputs:
        network.AuxLogits.fc = nn.Linear(network.AuxLogits.fc.in_features, outputs)


def _cut_last(network: nn.Module) -> tuple[nn.Module | None, nn.Linear]:
    """Remove the last linear layer and, if there is one, the dropout right before it; both belong to the head."""
    path, last = [(path, module) for path, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
    parent_path, _, key = path.rpartition(".")
    parent = network.get_submodule(parent_path)
    setattr(parent, key, nn.Identity())
    if isinstance(parent, nn.Sequential):
        before = list(parent._modules)[max(0, list(parent._modules).index(key) - 1)]
    else:
        before = "dropout"  # of Inception
    dropout = getattr(parent, before, None)
    if not isinstance(dropout, nn.Dropout):
        return None, last
    setattr(parent, before, nn.Identity())
    dropout.inplace = False  # adaptation sees the latent features as they are
    return dropout, last


def _head(
    name: str, dropout: nn.Module | None, last: nn.Linear, outputs: int, head: str, pretrained: bool
) -> nn.Sequential:
    """The last layer as torchvision draws it, or after two further layers, all three as torch draws them."""
    latent = last.in_features
    if head == "plain":
        layers: list[nn.Module] = [nn.Linear(latent, outputs) if pretrained else last]
    else:
        sizes = (sizes for family, sizes in EXTRA_LAYERS.items() if name.startswith(family))
        one, two = next(sizes, (latent // 2, latent // 4))
        layers = [nn.Linear(latent, one), nn.ReLU(), nn.Linear(one, two), nn.ReLU(), nn.Linear(two, outputs)]
    return nn.Sequential(*([dropout] if dropout else []), *layers)


def _squeezenet(
    network: models.SqueezeNet, bands: int, side: int, outputs: int, head: str, pretrained: bool
) -> tuple[nn.Module, nn.Module]:
    """Body and head; torchvision classifies by a convolution and a ReLU, after which no output could be negative.

    Without the ReLU, the convolution of single pixels and the average are a linear layer after the average. The
    further layers of the listings follow another convolution and a pooling, which keeps incomplete windows here.
    """
    dropout, convolution = network.classifier[:2]
    if head == "plain":
        last = nn.Linear(convolution.in_channels, outputs)
        if not pretrained:
            last.weight.data, last.bias.data = convolution.weight.data.flatten(1), convolution.bias.data
        body = nn.Sequential(network.features, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return body, _head("squeezenet", dropout, last, outputs, head, False)
    narrow = nn.Conv2d(convolution.in_channels, 256, kernel_size=3, padding=1)
    pool = nn.MaxPool2d(2, ceil_mode=True)
    body = nn.Sequential(network.features, dropout, narrow, nn.ReLU(), pool, nn.Flatten())
    with torch.no_grad():
        latent = body(torch.zeros(1, bands, side, side)).shape[1]
    return body, _head("squeezenet", None, nn.Linear(latent, outputs), outputs, head, pretrained)
