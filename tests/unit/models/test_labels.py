"""Parameters as a network sees them, and back."""

import pytest
import torch

from sim2sky.adapt import create_adaptation
from sim2sky.config import Recipe
from sim2sky.models.labels import Labels
from sim2sky.train.loop import Step
from sim2sky.train.objective import LOSSES, Objective

TARGETS = ["chi", "theta", "phi"]
VALUES = torch.tensor([[30.0, 0.0, 359.0], [70.0, 90.0, 180.0], [50.0, 179.0, 0.5], [95.0, 45.0, 270.0]])


def recipe(**change) -> Recipe:
    return Recipe.model_validate({"network": "lens_cnn", "epochs": 1, "optimiser": {"lr": 1e-3}} | change)


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("angles", ["degrees", "sin_cos"])
def test_what_is_encoded_decodes_to_the_same(angles, standardise):
    labels = Labels.fitted(TARGETS, recipe(angles=angles, standardise=standardise), VALUES)
    shown = labels.encode(VALUES)
    assert shown.shape == (4, labels.outputs)
    assert labels.outputs == (3 if angles == "degrees" else 5)
    torch.testing.assert_close(labels.decode(shown), VALUES, atol=2e-4, rtol=0)
    if standardise:
        torch.testing.assert_close(shown.mean(dim=0), torch.zeros(labels.outputs), atol=1e-6, rtol=0)
        torch.testing.assert_close(shown.std(dim=0), torch.ones(labels.outputs))
        torch.testing.assert_close(Labels(TARGETS, angles, **labels.state()).encode(VALUES), shown, atol=0, rtol=0)


def test_the_ends_of_an_angle_meet():
    labels = Labels(TARGETS, "sin_cos")
    ends = labels.encode(torch.tensor([[1.0, 0.0, 0.0], [1.0, 180.0, 360.0]]))
    torch.testing.assert_close(ends[0], ends[1], atol=1e-6, rtol=0)
    quarter = labels.encode(torch.tensor([[1.0, 45.0, 90.0]]))[0]
    torch.testing.assert_close(quarter, torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0]), atol=1e-6, rtol=0)


def test_scores_are_means_over_the_targets_and_go_the_short_way_round():
    true, predicted = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[1.0], [2.0], [5.0]])
    assert Labels(["chi"]).scores(true, predicted) == pytest.approx((-1.0, (4 / 3) ** 0.5))
    off = predicted + torch.tensor([0.0, 0.0, -2.0])[:, None]  # right
    both = torch.cat([true, true], dim=1), torch.cat([predicted, off], dim=1)
    assert Labels(["chi", "R_E"]).scores(*both) == pytest.approx((0.0, (4 / 3) ** 0.5 / 2))
    true, predicted = torch.tensor([[1.0], [179.0]]), torch.tensor([[178.0], [2.0]])
    assert Labels(["theta"], "sin_cos").scores(true, predicted)[1] == pytest.approx(3)
    assert Labels(["theta"], "degrees").scores(true, predicted)[1] == pytest.approx(3)


def test_a_target_of_one_value_cannot_be_standardised():
    with pytest.raises(ValueError, match="same value in the whole training part"):
        Labels.fitted(["chi"], recipe(standardise=True), torch.ones(5, 1))


class TwoOutputs(torch.nn.Module):
    """Leaves a second output on the way, half of the images' mean."""

    def features(self, images):
        self.auxiliary_outputs = [images.mean(dim=(1, 2, 3))[:, None] / 2]
        return images.mean(dim=(1, 2, 3))[:, None]

    def head(self, latent):
        return latent


@pytest.mark.parametrize("loss", list(LOSSES))
def test_outputs_on_the_way_add_to_the_loss(loss):
    images, target = torch.full((2, 1, 4, 4), 3.0), torch.tensor([[1.0], [1.0]])
    value, shown, latent = Objective(loss, Labels(["chi"]))(TwoOutputs(), images, target)
    main, second = {"mse": (4, 0.25), "mae": (2, 0.5), "huber": (1.5, 0.125)}[loss]
    assert value.item() == pytest.approx(main + 0.4 * second)
    assert shown.item() == pytest.approx(main)
    assert latent.tolist() == [[3.0], [3.0]]
    assert Objective(loss, Labels(["chi"]))(TwoOutputs().eval(), images, target)[0].item() == pytest.approx(main)


def test_the_loss_that_is_recorded_is_of_the_outputs_alone():
    step = Step(TwoOutputs(), create_adaptation("none", 1), Objective("mse", Labels(["chi"])))
    loss, shown = step((torch.full((2, 1, 4, 4), 3.0), torch.ones(2, 1), None), None, 0.0, 0.0)
    assert loss.item() == pytest.approx(4.1)
    assert shown.tolist() == pytest.approx([4, 0])


def test_weights_are_of_the_parameter_however_many_outputs_it_has():
    objective = Objective("mae", Labels(["chi", "theta"], "sin_cos"))
    target, weight = torch.tensor([[1.0, 45.0]]), torch.tensor([[1.0, 0.5]])
    outputs = torch.tensor([[3.0, 0.0, 2.0]])  # off by 2, 1 and 2
    assert objective.regression(outputs, target).item() == pytest.approx(5 / 3)
    assert objective.regression(outputs, target, weight).item() == pytest.approx((2 + 0.5 + 1) / 3)
