"""What a result was made from, and whether that is what the configuration says now; without torch."""
