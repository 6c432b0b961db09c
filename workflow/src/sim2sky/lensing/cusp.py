"""Light of the pixels at the centre of a Sersic profile, integrated: there one sample says little about the mean.

A sample of a profile with n = 4 on its very centre is a hundred times the mean brightness within the half-light radius.
The pixels about the centre therefore get the mean over their area. With the radius rho in a plane where the ellipses
are circles, the brightness I(rho) is the divergence of the field M(rho) (u, v), where

    M(rho) = (1 / rho^2) integral_0^rho I(s) s ds = integral_0^1 I(t rho) t dt,

so that by Gauss's theorem the light of a pixel is a sum over its edges of a function without a cusp. Neighbours share
their edges, and what errs at one of them only moves light from one pixel to the next. Seen through a lens, a pixel is
taken as the parallelogram to which the deflection maps it.

Samples further out err by h^2 / 24 times the Laplacian of the brightness, h being the size of a pixel (the next term of
the midpoint rule). In the sum over a whole image this cancels, but not between pixels that have it and pixels that do
not: the gradient across an edge between the two kinds, times h^2 / 24, goes to the pixel within.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor

from sim2sky.lensing.light import Sersic

Pair = tuple[Tensor, Tensor]
LENS, SOURCE = 0, 1
# Pixels of the light of lenses, and of sources, are integrated if their middle is within so many pixels of the centre in
# the plane of the galaxy (further along its long axis) and also in the image. What magnifies an image of a source does
# not make its cusp larger: without the second condition every pixel of a ring would be integrated.
_IN_PLANE = (1.5, 1.1)
_IN_IMAGE = (2.0, 1.25)
_ON_EDGE, _ALONG_RADIUS = 3, 5  # nodes of Gauss-Legendre quadrature
# On a critical curve a pixel is mapped to a line. It is taken to be this wide, in units of its length.
_THINNEST = 0.1
_THIN = 0.3  # the same, where the distance from the centre is measured in the image
_STEPS = ((0, 0, 1, 0, -1), (0, 1, 0, -1, 0))  # rows and columns to a pixel itself and its four neighbours


class Near(NamedTuple):
    """Pixels that may be next to the centre of a profile, and their four neighbours."""

    kind: Tensor  # (pixel,) of LENS and SOURCE
    lens: Tensor  # (pixel,)
    rows: Tensor  # (5, pixel); a neighbour beyond the frame is the pixel itself
    columns: Tensor
    x: Tensor  # (5, pixel), in the plane of the galaxy, arcsec
    y: Tensor


def find_seen(model: Sersic, x: Tensor, y: Tensor, pixel: float) -> Near:
    """Find the pixels about the centres of profiles that are seen directly.

    Parameters
    ----------
    model : Sersic
        Constants of shape (lens, 1, 1).
    x, y : Tensor, shapes (1, N) and (N, 1)
        Coordinates of the (sub-)pixels [arcsec].
    pixel : float
        Size of a (sub-)pixel [arcsec].

    Returns
    -------
    Near
    """
    width = torch.arange(-2, 3, device=x.device)
    row = (((model.center_y - y[0, 0]) / pixel).round().long() + width[:, None]).expand(-1, -1, 5).flatten()
    column = (((model.center_x - x[0, 0]) / pixel).round().long() + width).expand(-1, 5, -1).flatten()
    lens = torch.arange(len(model.center_x), device=x.device).repeat_interleave(25)
    seen = (torch.minimum(row, column) >= 0) & (torch.maximum(row, column) < x.shape[1])
    rows, columns = (part[seen] + step for part, step in zip((row, column), _steps(row), strict=True))
    lens = lens[seen]
    return Near(torch.full_like(lens, LENS), lens, rows, columns, x[0, 0] + columns * pixel, y[0, 0] + rows * pixel)


def find_lensed(first: int, model: Sersic, x: Tensor, y: Tensor, square: Tensor, pixel: float) -> Near:
    """Find the pixels whose rays come from near the centres of sources.

    Parameters
    ----------
    first : int
        Index of the first of these sources in the batch.
    model : Sersic
        Constants of shape (lens, 1, 1).
    x, y : Tensor, shape (lens, N, N)
        Where the rays of the (sub-)pixels come from [arcsec].
    square : Tensor, shape (lens, N, N)
        Square of the elliptical radius there.
    pixel : float
        Size of a (sub-)pixel [arcsec].

    Returns
    -------
    Near
    """
    reach = _reach(model, _IN_PLANE[SOURCE] * pixel)[:, :, 0]
    lens, row = (square.amin(2) < reach).nonzero(as_tuple=True)  # few rows have such a pixel
    part, column = (square[lens, row] < reach[lens]).nonzero(as_tuple=True)
    lens, row = lens[part], row[part]
    side = square.shape[2]
    rows, columns = ((p + step).clamp_(0, side - 1) for p, step in zip((row, column), _steps(row), strict=True))
    place = (lens * side + rows) * side + columns
    return Near(torch.full_like(lens, SOURCE), lens + first, rows, columns, x.flatten()[place], y.flatten()[place])


def _steps(like: Tensor) -> Tensor:
    return torch.tensor(_STEPS, device=like.device)[..., None]


def _reach(model: Sersic, distance: float | Tensor) -> Tensor:
    """Square of the elliptical radius that belongs to a distance [arcsec], in the mean over directions."""
    return distance**2 / 2 * (model.xx**2 + model.yy**2 + 2 * model.xy**2)


def integrate(
    images: Tensor, near: list[Near], models: tuple[Sersic, Sersic], pixel: float, supersampling: int
) -> None:
    """Put the mean over their area in place of the samples of the pixels next to the centres.

    Parameters
    ----------
    images : Tensor, shape (2, lens, y, x)
        Light of lenses and of sources, the sub-pixels averaged; changed in place.
    near : list of Near
        Pixels that may be next to a centre.
    models : pair of Sersic
        The profiles of the whole batch, of lenses and of sources.
    pixel : float
        Size of a (sub-)pixel [arcsec].
    supersampling : int
        Sub-pixels per pixel and axis.
    """
    found = Near(*(torch.cat(parts, -1) for parts in zip(*near, strict=True)))
    constants = torch.stack([torch.cat(pair).flatten() for pair in zip(*models, strict=True)])
    model = Sersic(*constants[:, found.kind * images.shape[1] + found.lens])
    u, v = model.plane(found.x, found.y)
    wide, high = found.columns[1] - found.columns[3], found.rows[2] - found.rows[4]
    a, b = _not_thin(*([(p[i] - p[i + 2]) / step for p in (u, v)] for i, step in ((1, wide), (2, high))))
    reach, limit = _limits(model, found.kind, a, b, pixel)
    inside = _inside((u[0], v[0]), a, b, reach, limit).nonzero()[:, 0]
    kept = torch.stack([u[0], v[0], *a, *b, reach, limit, *model])[:, inside]
    change = _change(Sersic(*kept[8:]), *kept[:8]) / supersampling**2
    place = [index[inside] for index in (found.kind, found.lens, found.rows[0], found.columns[0])]
    place[2:] = [index // supersampling for index in place[2:]]
    images.index_put_(tuple(place), change, accumulate=True)


def _limits(model: Sersic, kind: Tensor, a: Pair, b: Pair, pixel: float) -> Pair:
    """What the square of the elliptical radius, and of twice an area (see `_inside`), are next to the centre."""
    in_plane, in_image = (model.xx.new_tensor(pair)[kind] for pair in (_IN_PLANE, _IN_IMAGE))
    broad = torch.maximum(_cross(a, b).abs(), _THIN * torch.maximum(_dot(a, a), _dot(b, b)))
    return _reach(model, in_plane * pixel), (in_image * broad) ** 2


def _inside(w: Pair, a: Pair, b: Pair, reach: Tensor, limit: Tensor) -> Tensor:
    """Whether pixels at `w` with the sides `a` and `b` are next to the centre, which is at (0, 0)."""
    return (_dot(w, w) < reach) & (_cross(w, b) ** 2 + _cross(a, w) ** 2 < limit)  # Cramer's rule


def _change(
    model: Sersic,
    u: Tensor,
    v: Tensor,
    a_u: Tensor,
    a_v: Tensor,
    b_u: Tensor,
    b_v: Tensor,
    reach: Tensor,
    limit: Tensor,
) -> Tensor:
    """Mean brightness of parallelograms with the sides a and b, less that of their middle at (u, v)."""
    # the edges to the right, above, to the left and below: first axis
    out = torch.stack([a_u, b_u, -a_u, -b_u]), torch.stack([a_v, b_v, -a_v, -b_v])
    along = out[0].roll(-1, 0), out[1].roll(-1, 0)  # counterclockwise
    middle = torch.add(u, out[0], alpha=0.5), torch.add(v, out[1], alpha=0.5)
    boundary = ~_inside((u + out[0], v + out[1]), (a_u, a_v), (b_u, b_v), reach, limit)
    nodes, weights = _gauss(_ON_EDGE, u)
    node = tuple(torch.addcmul(p[:, None], s[:, None], nodes[:, None]) for p, s in zip(middle, along, strict=True))
    square = torch.maximum(_dot(node, node), model.floor)
    x = (model.power * square.log() + model.log_b).exp_()
    flux = _mean_within(model, x) * (_cross(middle, along) / _cross((a_u, a_v), (b_u, b_v)))[:, None]
    # minus the gradient over 24, at least half a pixel away from the centre, where it is finite
    steep = boundary * model.power / 12
    slope = (-x).exp_() * x * _dot(node, (out[0][:, None], out[1][:, None])) * steep[:, None]
    total = slope / torch.maximum(square, _dot(out, out)[:, None] / 2) + flux
    mean = torch.einsum("enp,n->p", total, weights)
    middle_square = torch.maximum(_dot((u, v), (u, v)), model.floor)
    sample = (model.log_centre - (model.power * middle_square.log() + model.log_b).exp()).exp()
    return model.log_centre.exp() * mean - sample


def _mean_within(model: Sersic, x: Tensor) -> Tensor:
    """M(rho) over the brightness of the centre, where x = b_n rho^(1/n).

    With t = tau^n it is the integral of ``n tau^(2n - 1) exp(-x tau)``, smooth for any n.
    """
    nodes, weights = _gauss(_ALONG_RADIUS, x)
    tau, n = nodes[:, None] + 0.5, 0.5 / model.power
    weights = n * weights[:, None] * tau ** (2 * n - 1)
    total = torch.zeros_like(x)
    for t, weight in zip(tau, weights, strict=True):
        total.addcmul_((-t * x).exp_(), weight)
    return total


def _dot(p: Pair, q: Pair) -> Tensor:
    return torch.addcmul(p[0] * q[0], p[1], q[1])


def _cross(p: Pair, q: Pair) -> Tensor:
    return torch.addcmul(p[0] * q[1], p[1], q[0], value=-1)


def _gauss(count: int, like: Tensor) -> Pair:
    """Nodes on (-1/2, 1/2) and weights of Gauss-Legendre quadrature."""
    nodes, weights = (torch.as_tensor(values / 2, dtype=like.dtype, device=like.device) for values in leggauss(count))
    return nodes, weights


def _not_thin(a: Pair, b: Pair) -> tuple[Pair, Pair]:
    """The sides of a parallelogram, the shorter one turned out where they are nearly parallel."""
    long = torch.maximum(_dot(a, a), _dot(b, b)).clamp(min=torch.finfo(a[0].dtype).tiny)
    area = _cross(a, b)
    wider = torch.copysign((_THINNEST - area.abs() / long).clamp(min=0), area)
    of_a, of_b = (torch.where(_dot(a, a) < _dot(b, b), first, second) for first, second in ((wider, 0), (0, wider)))
    return (a[0] + of_a * b[1], a[1] - of_a * b[0]), (b[0] - of_b * a[1], b[1] + of_b * a[0])
