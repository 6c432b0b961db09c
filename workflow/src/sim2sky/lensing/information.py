"""What an image can say about its parameters: the Fisher information, and the Cramer-Rao bound on their errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def central_differences(image: Callable[[str, float], Tensor], steps: Iterable[tuple[str, float]]) -> Tensor:
    """Derivatives of images with respect to parameters.

    Parameters
    ----------
    image : callable
        ``image(name, step)`` gives the images (lens, ...) in double precision with parameter `name` of every lens larger
        by `step`.
    steps : iterable of (str, float)
        The parameters, each with a step over which images change linearly but by more than rounding.

    Returns
    -------
    Tensor, shape (lens, parameter, ...)
    """
    return torch.stack([(image(name, step) - image(name, -step)) / (2 * step) for name, step in steps], 1)


def fisher_information(derivatives: Tensor) -> Tensor:
    """Fisher information of images with independent normal noise of known width.

    ``F_ij = sum over pixels of (d image / d i) (d image / d j) / sigma^2``; what the width of the noise itself says about
    the parameters is left out.

    Parameters
    ----------
    derivatives : Tensor, shape (lens, parameter, ...)
        Of the images over the standard deviation of their noise.

    Returns
    -------
    Tensor, shape (lens, parameter, parameter)
    """
    flat = derivatives.flatten(2)
    return flat @ flat.mT


def cramer_rao(information: Tensor, variance: Tensor) -> Tensor:
    """Smallest standard deviation that an estimate of each parameter can have, the others being unknown as well.

    The root of the diagonal of ``(F + P)^-1``, where the prior adds ``P = diag(1 / variance)`` to the information: the
    bound of Cramer and Rao, with a prior as van Trees 1968 has it. Taken per lens it is the width of the posterior where
    this is normal, so that it holds on average over lenses alone; of a flat prior it uses no more than its variance.

    Parameters
    ----------
    information : Tensor, shape (lens, parameter, parameter)
        Fisher information.
    variance : Tensor, shape (parameter,)
        Variance of each parameter in the population, in which they are independent.

    Returns
    -------
    Tensor, shape (lens, parameter)
        In the units of the parameters.
    """
    # in units of the prior's width, in which the matrix is of a size that double precision inverts
    width = variance.sqrt()
    scaled = information * width[:, None] * width + torch.eye(len(width), dtype=information.dtype)
    return torch.linalg.inv(scaled).diagonal(dim1=-2, dim2=-1).sqrt() * width
