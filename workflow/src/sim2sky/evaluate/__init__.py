"""Predict the test parts, score the predictions, and summarise the runs of a study."""

# What BatchNorm normalises test images with: the averages kept in training, each test batch's own mean and variance
# (what a network does that is never switched to evaluation mode), or averages re-estimated on the domain's unlabelled
# training images (AdaBN, Li et al. 2016).
STATISTICS = ("running", "batch", "adabn")
# How images that should be identical are compared: with the Einstein radius as it is, and truncated to whole pixels.
EXACT, WHOLE = "exact", "whole pixels"
# Columns of ``errors.csv``
ERROR_COLUMNS = (
    "run", "domain", "parameter", "errors", "by", "low", "high", "at", "images", "metric", "level", "value", "scatter"
)  # fmt: skip
