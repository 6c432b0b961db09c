"""Images of one's own through trained networks."""
