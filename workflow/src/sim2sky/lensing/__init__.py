"""Gravitational lensing as pure, batched functions on tensors, in lenstronomy's conventions and names.

Functions take type and device from their arguments and broadcast: parameters of a batch have shape (lens, 1, 1),
coordinates (1, 1, x) and (1, y, 1). Angles are in arcsec.

What follows CosmoSim (`cosmosim`, `roulette`, `scene`, `reach`) has its conventions and its lengths in pixels; `finish` and
`undo` take the configuration of a simulation and arrays of numpy. `conventions` leads to the parameters of other packages.
"""
