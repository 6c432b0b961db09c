"""Gravitational lensing as pure, batched functions on tensors, in lenstronomy's conventions and names.

Everything takes its type and device from its arguments and broadcasts: parameters of a batch have shape (lens, 1, 1),
coordinates (1, 1, x) and (1, y, 1). Angles are in arcsec.
"""
