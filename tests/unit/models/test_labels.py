"""Parameters encoded as the outputs of a network, and back."""

import math

import pytest
import torch

from sim2sky.adapt import create_adaptation
from sim2sky.config import Recipe
from sim2sky.models.labels import LabelEncoding
from sim2sky.train.loop import Step
from sim2sky.train.objective import Objective

TARGETS = ["chi", "theta", "phi"]
VALUES = torch.tensor([[30.0, 0.0, 359.0], [70.0, 90.0, 180.0], [50.0, 179.0, 0.5], [95.0, 45.0, 270.0]])


def recipe(**change) -> Recipe:
    return Recipe.model_validate({"network": "lens_cnn", "epochs": 1, "optimiser": {"lr": 1e-3}} | change)


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("angles", ["degrees", "sin_cos"])
def test_what_is_encoded_decodes_to_the_same(angles, standardise):
    encoding = LabelEncoding.fitted(TARGETS, recipe(angles=angles, standardise=standardise), VALUES)
    outputs = encoding.encode(VALUES)
    assert outputs.shape == (4, encoding.outputs)
    assert encoding.outputs == (3 if angles == "degrees" else 5)
    torch.testing.assert_close(encoding.decode(outputs), VALUES, atol=2e-4, rtol=0)
    if standardise:
        torch.testing.assert_close(outputs.mean(dim=0), torch.zeros(encoding.outputs), atol=1e-6, rtol=0)
        torch.testing.assert_close(outputs.std(dim=0), torch.ones(encoding.outputs))
        torch.testing.assert_close(
            LabelEncoding(TARGETS, angles, **encoding.state()).encode(VALUES), outputs, atol=0, rtol=0
        )


def test_the_ends_of_an_angle_meet():
    encoding = LabelEncoding(TARGETS, "sin_cos")
    ends = encoding.encode(torch.tensor([[1.0, 0.0, 0.0], [1.0, 180.0, 360.0]]))
    torch.testing.assert_close(ends[0], ends[1], atol=1e-6, rtol=0)
    quarter = encoding.encode(torch.tensor([[1.0, 45.0, 90.0]]))[0]
    torch.testing.assert_close(quarter, torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0]), atol=1e-6, rtol=0)


def test_scores_are_means_over_the_parameters_and_go_the_short_way_round():
    true, predicted = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[1.0], [2.0], [5.0]])
    assert LabelEncoding(["chi"]).scores(true, predicted) == pytest.approx((-1.0, (4 / 3) ** 0.5))
    off = predicted + torch.tensor([0.0, 0.0, -2.0])[:, None]  # right
    both = torch.cat([true, true], dim=1), torch.cat([predicted, off], dim=1)
    assert LabelEncoding(["chi", "R_E"]).scores(*both) == pytest.approx((0.0, (4 / 3) ** 0.5 / 2))
    true, predicted = torch.tensor([[1.0], [179.0]]), torch.tensor([[178.0], [2.0]])
    assert LabelEncoding(["theta"], "sin_cos").scores(true, predicted)[1] == pytest.approx(3)
    assert LabelEncoding(["theta"], "degrees").scores(true, predicted)[1] == pytest.approx(3)


def test_a_parameter_of_one_value_cannot_be_standardised():
    """The message names it; 0.1 is not exact, so that a mean of many would be off it by rounding."""
    values = torch.stack([torch.full((1000,), 0.1), torch.linspace(0, 90, 1000), torch.full((1000,), 30.0)], dim=1)
    for angles in ("degrees", "sin_cos"):
        with pytest.raises(ValueError, match=r"^chi, phi: .*same value in the whole training part \(1000 lenses\)"):
            LabelEncoding.fitted(TARGETS, recipe(standardise=True, angles=angles), values)


def test_scores_leave_out_parameters_that_do_not_vary():
    true, predicted = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[1.0], [2.0], [5.0]])
    alone = LabelEncoding(["chi"]).scores(true, predicted)
    more = torch.cat([true, torch.full((3, 1), 0.1)], dim=1), torch.cat([predicted, predicted], dim=1)
    assert LabelEncoding(["chi", "R_E"]).scores(*more) == pytest.approx(alone)
    assert all(map(math.isnan, LabelEncoding(["chi"]).scores(torch.ones(3, 1), predicted)))


class TwoOutputs(torch.nn.Module):
    """Leaves an auxiliary output, half of the images' mean."""

    def features(self, images):
        self.auxiliary_outputs = [images.mean(dim=(1, 2, 3))[:, None] / 2]
        return images.mean(dim=(1, 2, 3))[:, None]

    def head(self, latent):
        return latent


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_auxiliary_outputs_add_to_the_loss(loss):
    images, labels = torch.full((2, 1, 4, 4), 3.0), torch.tensor([[1.0], [1.0]])
    value, alone, latent = Objective(loss, LabelEncoding(["chi"]))(TwoOutputs(), images, labels)
    main, second = {"mse": (4, 0.25), "mae": (2, 0.5), "huber": (1.5, 0.125)}[loss]
    assert value.item() == pytest.approx(main + 0.4 * second)
    assert alone.item() == pytest.approx(main)
    assert latent.tolist() == [[3.0], [3.0]]
    assert Objective(loss, LabelEncoding(["chi"]))(TwoOutputs().eval(), images, labels)[0].item() == pytest.approx(main)


def test_the_loss_that_is_recorded_is_of_the_outputs_alone():
    step = Step(TwoOutputs(), create_adaptation("none", 1), Objective("mse", LabelEncoding(["chi"])))
    loss, shown = step((torch.full((2, 1, 4, 4), 3.0), torch.ones(2, 1), None), None, 0.0, 0.0)
    assert loss.item() == pytest.approx(4.1)
    assert shown.tolist() == pytest.approx([4, 0])


def test_weights_are_of_the_parameter_however_many_outputs_it_has():
    objective = Objective("mae", LabelEncoding(["chi", "theta"], "sin_cos"))
    labels, weight = torch.tensor([[1.0, 45.0]]), torch.tensor([[1.0, 0.5]])
    outputs = torch.tensor([[3.0, 0.0, 2.0]])  # off by 2, 1 and 2
    assert objective.regression(TwoOutputs(), outputs, labels).item() == pytest.approx(5 / 3)
    assert objective.regression(TwoOutputs(), outputs, labels, weight).item() == pytest.approx((2 + 0.5 + 1) / 3)
