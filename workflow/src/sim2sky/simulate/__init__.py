"""Noise-free lenses: the population and its images, shard by shard."""
