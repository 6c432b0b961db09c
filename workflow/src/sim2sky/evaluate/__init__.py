"""Predict the test parts, measure the predictions, and sum the runs of a study up."""
