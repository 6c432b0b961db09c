"""Which parameters are angles, and of what: the configuration checks by them and training, metrics and figures compute with them.

A fingerprint counts this module, as it does not count the configuration.
"""

SOURCE_AXES = ("sigma", "sigma2")  # of an elliptical source, at `theta` and across
# degrees; an orientation repeats after half a turn, a direction does not
ANGLE_PERIODS = {"theta": 180.0, "orientation": 180.0, "phi": 360.0}
