"""Training: one loop for every network and every adaptation method."""
