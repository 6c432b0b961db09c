"""sim2sky: networks trained on simulated gravitational lenses that hold on a real survey."""

__version__ = "0.1.0"
