"""Noise-free lenses: the population and its images, shard by shard. A module that registers an engine is imported here."""

from sim2sky.simulate import cosmosim, galaxy

__all__ = ["cosmosim", "galaxy"]
