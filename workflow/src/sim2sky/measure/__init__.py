"""Your own images, measured with trained networks."""
