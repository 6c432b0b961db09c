"""Every network of torchvision that is registered: built, run and trained for a step at its smallest size, and held against torchvision."""

import hashlib
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

from sim2sky.config import Method, Recipe
from sim2sky.models import create_model, imagenet, list_models, torchvision_networks
from sim2sky.models.labels import LabelEncoding
from sim2sky.paths import WEIGHTS
from sim2sky.registry import traits
from sim2sky.tools import networks_table as table
from sim2sky.train.objective import AUXILIARY_WEIGHT, Objective

TRAITS = {name: found for name, found in traits("models").items() if not name.startswith("lens_")}
OUTPUTS = 6


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def meta(name: str, pixels: int | None = None, **options) -> nn.Module:
    """The network without memory for its weights."""
    with torch.device("meta"):
        return create_model(name, pixels=pixels or TRAITS[name].smallest, outputs=OUTPUTS, **options)


# in the fast tests, small ones of each family
FAST = {
    "alexnet",
    "squeezenet1_0",
    "squeezenet1_1",
    "inception_v3",
    "resnet18",
    "resnet50",
    "densenet121",
    "mnasnet0_5",
}
FAST |= {"mnasnet1_3", "efficientnet_b0", "efficientnet_v2_s", "convnext_tiny", "swin_t", "swin_v2_t", "vit_b_32"}
TRAINED = [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in sorted(TRAITS)]
COMPUTED = 40e6  # parameters; larger networks have the same blocks as the small ones of their families


@pytest.mark.parametrize("name", TRAINED)
def test_forward_and_training_step_at_the_smallest_size(name):
    side = TRAITS[name].smallest
    network = meta(name)
    if name not in FAST and parameters(network) > COMPUTED:
        assert network.eval()(torch.zeros(2, 1, side, side, device="meta")).shape == (2, OUTPUTS)
        return
    network = create_model(name, pixels=side, outputs=OUTPUTS).to(memory_format=torch.channels_last).train()
    # gradients of a hundred layers that normalise a single pixel each over two images alone are not finite
    count = 8 if side == 1 else 2
    images, target = torch.randn(count, 1, side, side), torch.randn(count, OUTPUTS)
    loss = (network.head(network.features(images)) - target).square().mean()
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    before = [parameter.detach().clone() for parameter in network.head.parameters()]
    torch.optim.SGD(network.parameters(), lr=1e-4).step()
    latent = network.eval().features(images)
    assert latent.ndim == 2
    assert network(images).shape == (count, OUTPUTS)
    assert not any(torch.equal(*pair) for pair in zip(before, network.head.parameters(), strict=True))
    assert all(parameter.isfinite().all() for parameter in network.parameters())
    # one step leaves running statistics with which some overflow, as torchvision's own do
    torch.testing.assert_close(network(images), network.head(latent), equal_nan=True)


@pytest.mark.parametrize("name", sorted(TRAITS))
def test_as_many_parameters_as_torchvision(name):
    """The first layer has one band instead of three; all else is the same."""
    side = max(TRAITS[name].smallest, 299 if name == "inception_v3" else 1)
    options = {"image_size": side} if TRAITS[name].multiples else {}
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Inception, on how it draws its weights
        if name in ("mnasnet3_8", "mnasnet6_0"):
            theirs = models.MNASNet({"3_8": 3.8, "6_0": 6.0}[name.removeprefix("mnasnet")], num_classes=OUTPUTS)
        else:
            theirs = models.get_model(name, num_classes=OUTPUTS, **options)
    ours = meta(name, side)
    first = next(module for module in theirs.modules() if isinstance(module, nn.Conv2d)).weight.numel()
    assert parameters(ours) == parameters(theirs) - first * 2 // 3


def test_all_of_the_thesis_and_of_torchvision_are_there():
    families = [
        "alexnet",
        "squeezenet",
        "inception",
        "res",
        "wide_res",
        "vgg",
        "densenet",
        "efficientnet",
        "convnext",
        "mnasnet",
        "vit",
        "swin",
    ]
    published = {name for name in models.list_models(module=models) if name.startswith(tuple(families))}
    assert published | {"mnasnet3_8", "mnasnet6_0"} == set(TRAITS)
    assert set(TRAITS) < set(list_models())


LARGE = pytest.param("vit_b_32", marks=pytest.mark.slow)
SMALL = [
    "alexnet",
    "squeezenet1_0",
    "squeezenet1_1",
    "densenet121",
    "convnext_tiny",
    "vgg11",
    "swin_t",
    "vit_b_16",
    "inception_v3",
]


@pytest.mark.parametrize("name", SMALL)
def test_smallest_size_is_the_smallest(name):
    """Below it, torchvision's own network fails; above, it does not."""
    side = TRAITS[name].smallest
    with pytest.raises(ValueError, match=f"{name} takes images of at least {side} pixels a side, not {side - 1}"):
        create_model(name, pixels=side - 1)
    if name != "vit_b_16":
        network = meta(name)
        with pytest.raises((RuntimeError, ValueError)):
            network(torch.zeros(2, 1, side - 1, side - 1, device="meta"))
    with pytest.raises(ValueError, match="multiples of 16 pixels a side, not 40; `input_pixels: 32`"):
        create_model("vit_b_16", pixels=40)


def test_small_images_are_resized_inside():
    network = create_model("vit_b_32", pixels=40, input_pixels=64).eval()
    assert network(torch.randn(2, 1, 40, 40)).shape == (2, 1)
    assert network.body.image_size == 64
    resnet, images = create_model("resnet18", pixels=64, input_pixels=16).eval(), torch.randn(2, 1, 64, 64)
    expected = nn.functional.interpolate(images, (16, 16), mode="bilinear", antialias=True)
    torch.testing.assert_close(resnet.features(images), resnet.body(expected))


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("alexnet", (4096, 1024, 512)),
        ("vgg11_bn", (4096, 1024, 512)),
        ("resnet18", (512, 256, 128)),
        ("resnet50", (2048, 256, 128)),
        ("densenet121", (1024, 512, 256)),
        ("efficientnet_b0", (1280, 512, 256)),
        ("convnext_tiny", (768, 512, 256)),
        ("mnasnet3_8", (1280, 1024, 512)),
        ("inception_v3", (2048, 1024, 512)),
        ("vit_b_32", (768, 512, 256)),
        ("swin_t", (768, 384, 192)),
        ("squeezenet1_1", (256, 1024, 512)),
    ],
)
def test_extra_layers_are_those_of_the_listings(name, sizes):
    head = meta(name, head="extra_layers").head
    layers = [layer for layer in head if isinstance(layer, nn.Linear)]
    assert [layer.in_features for layer in layers] == list(sizes)
    assert layers[-1].out_features == OUTPUTS
    assert [type(layer) for layer in head][-5:] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


def test_squeezenet_of_the_listings_at_their_image_size():
    """400 pixels: its further layers begin with 1024 * 6 * 6 inputs."""
    network = meta("squeezenet1_1", 400, head="extra_layers")
    assert network.head[0].in_features == 1024 * 6 * 6


def test_plain_squeezenet_answers_as_torchvision_does_without_the_last_relu():
    theirs, ours = models.squeezenet1_1(num_classes=OUTPUTS), create_model("squeezenet1_1", bands=3, outputs=OUTPUTS)
    ours.body[0].load_state_dict(theirs.features.state_dict())
    for ours_value, value in zip(ours.head[1].parameters(), theirs.classifier[1].parameters(), strict=True):
        ours_value.data = value.data.flatten(1) if value.ndim == 4 else value.data
    theirs.classifier[2] = nn.Identity()
    images = torch.randn(2, 3, 40, 40)
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images))


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "densenet121", LARGE, "convnext_tiny", "efficientnet_b0"])
@pytest.mark.parametrize("bands", [1, 4])
def test_first_layer_is_drawn_as_torchvision_draws_one_of_so_many_bands(name, bands, monkeypatch):
    """Their deviation, from torchvision's network with the number of bands changed in it."""
    torch.manual_seed(0)
    convolution = nn.Conv2d.__init__

    def of_bands(self, in_channels, *arguments, **options):
        convolution(self, bands if in_channels == 3 else in_channels, *arguments, **options)

    ours = next(m for m in create_model(name, bands=bands, pixels=64).modules() if isinstance(m, nn.Conv2d)).weight
    with monkeypatch.context() as patch:
        patch.setattr(nn.Conv2d, "__init__", of_bands)
        theirs = next(m for m in models.get_model(name).modules() if isinstance(m, nn.Conv2d)).weight
    assert ours.shape == theirs.shape
    assert ours.std().item() == pytest.approx(theirs.std().item(), rel=4 / ours.numel() ** 0.5)


@pytest.mark.parametrize("name", ["efficientnet_b0", "mnasnet0_5", "squeezenet1_1", "resnet18"])
def test_head_leaves_latent_features_as_they_are(name):
    """Torchvision's dropout works in place, and adaptation looks at the features after the head did."""
    network = create_model(name, pixels=32).train()
    latent = network.features(torch.randn(4, 1, 32, 32))
    before = latent.detach().clone()
    network.head(latent)
    assert torch.equal(latent, before)


def test_auxiliary_outputs_of_inception_are_trained_where_they_fit():
    network = create_model("inception_v3", pixels=299, outputs=2).train()
    images, labels = torch.randn(2, 1, 299, 299), torch.randn(2, 2)
    latent = network.features(images)
    (auxiliary,) = network.auxiliary_outputs
    assert auxiliary.shape == (2, 2)
    network.head[0].p = 0.0
    for layer in network.modules():
        layer.momentum = 0.0 if isinstance(layer, nn.BatchNorm2d) else None
    objective = Objective("mse", LabelEncoding(["a", "b"]))
    torch.manual_seed(0)
    loss, alone, _ = objective(network, images, labels)
    expected = nn.functional.mse_loss(network.head(latent), labels)
    torch.testing.assert_close(alone, expected)
    expected = expected + AUXILIARY_WEIGHT * nn.functional.mse_loss(auxiliary, labels)
    torch.testing.assert_close(loss, expected)
    network.eval().features(images)
    assert not network.auxiliary_outputs
    small = create_model("inception_v3", pixels=100).train()
    small.features(torch.randn(2, 1, 100, 100))
    assert not small.auxiliary_outputs


def test_weights_of_every_network_have_an_address_and_a_checksum():
    for name in TRAITS:
        if name not in ("mnasnet3_8", "mnasnet6_0"):
            assert imagenet.address(name).startswith("https://download.pytorch.org/models/")
            assert len(imagenet.checksum_start(name)) >= 8


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A server's folder with made-up weights, under names with their checksums; the working directory is another one."""
    folder = tmp_path / "server"
    folder.mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    urls = {}
    monkeypatch.setattr(imagenet, "address", lambda name: urls[name])

    def publish(name: str) -> nn.Module:
        torch.manual_seed(1)
        network = models.get_model(name, **({"init_weights": False} if name == "inception_v3" else {}))
        file = folder / "weights.pth"
        torch.save(network.state_dict(), file)
        digest = hashlib.file_digest(file.open("rb"), "sha256").hexdigest()
        file = file.rename(folder / f"{name}-{digest[:8]}.pth")
        urls[name] = file.as_uri()
        return network

    return publish


@pytest.mark.parametrize("name", ["resnet18", "mnasnet0_5", "squeezenet1_1", "inception_v3", LARGE, "densenet121"])
def test_pretrained_features_on_one_band_are_those_on_grey(published, name):
    theirs = published(name).eval()
    imagenet.fetch(name, WEIGHTS.format(network=name))
    ours = create_model(name, pixels=96, outputs=2, weights="imagenet").eval()
    assert ours.head[-1].out_features == 2
    if name == "vit_b_32":  # for another size of images, the embeddings are others
        return
    images = torch.randn(2, 1, 96, 96)
    classifier = {"squeezenet1_1": lambda: nn.AdaptiveAvgPool2d(1), "inception_v3": nn.Identity}.get(
        name, nn.Identity
    )()
    for attribute in ("fc", "classifier"):
        if hasattr(theirs, attribute):
            setattr(theirs, attribute, classifier)
    theirs.transform_input = False
    expected = theirs(images.expand(-1, 3, -1, -1)).flatten(1)
    torch.testing.assert_close(ours.features(images), expected, rtol=1e-4, atol=1e-4)
    several = create_model(name, bands=5, pixels=96, weights="imagenet").eval()
    torch.testing.assert_close(several.features(images.expand(-1, 5, -1, -1)), expected, rtol=1e-3, atol=1e-3)
    colours = torch.randn(2, 3, 96, 96)
    three = create_model(name, bands=3, pixels=96, weights="imagenet").eval()
    torch.testing.assert_close(three.features(colours), theirs(colours).flatten(1), rtol=1e-4, atol=1e-4)


def test_weights_of_densenet_may_have_the_names_of_old(published, tmp_path):
    network = published("densenet121")
    state = network.state_dict()
    for key in list(state):
        for part in ("norm1", "norm2", "conv1", "conv2"):
            if f".denselayer1.{part}." in key:
                state[key.replace(part, f"{part[:-1]}.{part[-1]}")] = state.pop(key)
    path = Path(WEIGHTS.format(network="densenet121"))
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    digest = hashlib.file_digest(path.open("rb"), "sha256").hexdigest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imagenet, "address", lambda name: f"https://elsewhere/densenet121-{digest[:8]}.pth")
        ours = create_model("densenet121", weights="imagenet")
    assert torch.equal(
        ours.body.features.denseblock1.denselayer1.norm1.weight, network.features.denseblock1.denselayer1.norm1.weight
    )


def test_what_to_put_where_is_said_without_internet(published, tmp_path, monkeypatch):
    published("resnet18")
    path = Path(WEIGHTS.format(network="resnet18"))
    with pytest.raises(imagenet.WeightsError, match=r"resources/weights/resnet18.pth: no ImageNet weights"):
        create_model("resnet18", weights="imagenet")
    url = imagenet.address("resnet18").replace("resnet18-", "gone-")
    monkeypatch.setattr(imagenet, "address", lambda name: url)
    with pytest.raises(imagenet.WeightsError) as error:
        imagenet.fetch("resnet18", path)
    for words in (
        "cannot be reached from here",
        url,
        "put it here as\n  resources/weights/resnet18.pth",
        "SHA-256 starts with",
    ):
        assert words in str(error.value)
    assert not list(path.parent.iterdir())


def test_a_damaged_file_is_neither_kept_nor_read(published, tmp_path):
    published("squeezenet1_1")
    path, other = Path(WEIGHTS.format(network="squeezenet1_1")), tmp_path / "other"
    other.write_bytes(b"something else")
    with pytest.raises(imagenet.WeightsError, match="gave a file of another checksum"):
        imagenet.fetch("squeezenet1_1", path, url=other.as_uri())
    assert not path.exists()
    path.write_bytes(b"put here by hand, but broken off")
    with pytest.raises(imagenet.WeightsError, match="its checksum is not that of torchvision"):
        create_model("squeezenet1_1", weights="imagenet")
    imagenet.fetch("squeezenet1_1", path)
    before = path.stat().st_mtime_ns
    imagenet.fetch("squeezenet1_1", path, url="file:///nowhere")
    assert path.stat().st_mtime_ns == before, "it is there already"


def test_generated_table_is_up_to_date():
    numbers = (table.ROOT / "resources/networks.csv").read_text().splitlines()
    committed = (table.ROOT / "docs/networks.md").read_text()
    assert committed.startswith(table.INTRO), "run `make docs`"
    for name in ("lens_cnn", "alexnet", "vit_b_16", "inception_v3", "mnasnet6_0"):
        assert table.row(name) in committed, "run `make docs`"
        assert f"{name},{table.parameters(name)},{table.tensors(name)},{table.operations(name)}" in numbers, (
            "run `make docs`"
        )
    assert committed.count("\n| `") == len(numbers) - 1 == len(list_models())


def test_options_are_checked():
    for options, words in (
        ({"heads": "plain"}, "unknown option of resnet18 'heads'; did you mean 'head'?"),
        ({"head": "extra"}, "unknown head of resnet18 'extra'; did you mean 'extra_layers'?"),
        ({"weights": "imagnet"}, "did you mean 'imagenet'?"),
        ({"input_pixels": 0}, "input_pixels of resnet18: a whole number above 0 is needed, not 0"),
    ):
        with pytest.raises(ValueError) as error:
            create_model("resnet18", **options)
        assert words in str(error.value)
    with pytest.raises(ValueError, match="unknown option of mnasnet6_0 'weights'"):
        create_model("mnasnet6_0", weights="imagenet")


def test_every_option_of_the_table_is_of_the_family():
    assert all(any(name.startswith(key) for name in TRAITS) for key in torchvision_networks.EXTRA_LAYERS)


def test_a_recipe_says_whether_imagenet_is_needed():
    base = {"network": "resnet18", "epochs": 1, "optimiser": {"lr": 1e-3}}
    plain, asked = Recipe(**base), Recipe(**base, network_options={"weights": "imagenet", "head": "plain"})
    assert (plain.imagenet, asked.imagenet) == (False, True)
    assert plain.architecture == asked.architecture
    assert asked.trained_options == {"head": "plain"}
    assert Method(title="None", adaptation="none").params()
