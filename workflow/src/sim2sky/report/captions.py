"""What each kind of figure shows and what to look for: for the report, and for ``snakemake --report``.

``python -m sim2sky.report.captions`` writes the second from the first, as files of ``workflow/report``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[3] / "report"


class Caption(NamedTuple):
    """Heading and text of a figure or table; plain text, in which ``θ_E`` is the Einstein radius."""

    title: str
    text: str


CAPTIONS = {
    "examples": Caption(
        "Examples of each domain",
        "The same lenses as each domain shows them, with the Einstein radius growing to the right: the first "
        "band of the images on an inverse hyperbolic sine scale that is linear within about twice the noise "
        "(within 2 % of the brightest pixels where there is none); one scale per row, given by the colour "
        "bar. S/N is the matched-filter signal-to-noise ratio of the lensed source. The lenses come from the "
        "clearer half by S/N. Look at how much of the arcs is left: faint counter-images go first, and they "
        "are what tells the Einstein radius.",
    ),
    "sky_scatter": Caption(
        "Noise of the real sky and of the simulated one",
        "Scatter per pixel of the real survey cutouts (1.4826 times the median absolute deviation, brought to "
        "the survey's zero point), beside what the survey's published conditions give by either noise "
        "formula: the correct one, and that of deeplenstronomy 0.0.2.3, which takes the sky's magnitude for "
        "its counts. Dashed lines are medians. The formula whose median agrees with the real sky is the one "
        "to use for new work.",
    ),
    "scores": Caption(
        "R² of every run",
        "Large marks are means over seeds, dots are single seeds, one row per run and three kinds of "
        "BatchNorm statistics: those kept in training, those of each test batch, and those re-estimated on "
        "the domain's unlabelled training images. Diamonds are published values with their standard "
        "deviation. The dashed line is the oracle of the same recipe, trained on the target's labels: what "
        "could be reached at most. Arrows stand for means left of the axis. Look at the distance between a "
        "run and its oracle on the target, and at how much of it goes with the choice of statistics alone.",
    ),
    "domain_distance": Caption(
        "Distance between the domains in latent space",
        "Squared maximum mean discrepancy (unbiased, so it can fall a little below zero) and proxy A-distance "
        "(0: a linear classifier can only guess the domain; 2: it is always right), between source and target "
        "in the networks' standardised latents. Dots are the first seed of each block, bars their mean. "
        "Adaptation should bring both down. A small distance is no proof of good predictions: features can "
        "agree between domains and have lost what tells the Einstein radius.",
    ),
    "predictions": Caption(
        "Predicted against true, and fractional residuals",
        "Every point is a lens of the test part, brighter where lenses are denser (Gaussian kernel density); "
        "the line is perfect prediction. Of each run the seed with the median R² on the target is shown, with "
        "its R² and the mean ± standard deviation of all seeds. Below: (predicted − true) / predicted, as "
        "published, and (predicted − true) / true. With the predicted value below the line, overestimates are "
        "at most 1 and underestimates know no bound, so only the second treats both alike. Triangles at an "
        "edge are lenses outside the panel; their share is given. A cloud flatter than the line means that "
        "the network falls back on the mean.",
    ),
    "residuals": Caption(
        "What the residuals depend on",
        "Predicted − true on the target, against the true value, the signal-to-noise ratio of the lensed "
        "source, and the seeing: median (line) and 16–84 % range (band) of the lenses in bins of equally "
        "many, all seeds together. A tilt in the first panel is a pull towards the mean. Bands that widen to "
        "the left in the second show where noise sets the limit; medians off zero are biases that averaging "
        "over lenses will not remove.",
    ),
    "learning_curves": Caption(
        "Learning curves",
        "R² on the validation part of either domain after each epoch, under batch statistics unless a recipe leaves training mode. Thin lines are "
        "seeds, thick lines their mean. Diamonds stand where a run was not followed on a domain in training: "
        "they are its score on the test part at the end. The target's labels are used to watch, never to "
        "choose: the network after the last epoch is the one that counts. Look for runs whose source curve is "
        "flat while the target curve still moves.",
    ),
    "latent_space": Caption(
        "The latent space before and after adaptation",
        "Latents of test lenses of both domains laid out together in two dimensions (t-SNE), one column per "
        "run; the first without adaptation. Above by domain, below by true value. Neighbourhoods mean "
        "something, distances and axes do not. Where adaptation works the colours mix above and stay in order "
        "below.",
    ),
    "cross_validation": Caption(
        "Cross-validation of hyper-parameters",
        "R² on the fold left out, for each point of the grid: dots are folds, bars their mean. It uses "
        "labelled images of the source domain only, so that no hyper-parameter is chosen with the target's "
        "labels.",
    ),
    "parameter_examples": Caption(
        "Examples of the images",
        "Images as the networks see them, on a linear scale of their own each, with the parameters that are regressed; "
        "the first of these grows from image to image. Lengths are in pixels, angles in degrees. x and y are the source's "
        "position relative to the lens. Where images are centred on their light, neither can be read off the frame: both "
        "follow from the shape of the arcs alone.",
    ),
    "loss_linear": Caption(
        "Loss against epoch, linear",
        "Mean loss over the training part during each epoch and over the validation part after it, one panel per run; "
        "panels with the same loss share their axes. Thin lines are seeds, thick lines their mean, whose last values are "
        "given. The dotted line is the loss of always answering with the mean of the training labels: a curve that stays "
        "there has learnt nothing from the images. A dashed line marks where a run goes on from the weights of another. "
        "Curves are cut at three times the loss of the mean.",
    ),
    "loss_log": Caption(
        "Loss against epoch, logarithmic",
        "The same on a logarithmic scale, without a cut. Look at the distance between the two curves (a validation loss "
        "that levels off while the training loss falls on is overfitting) and at whether the last epochs still gain.",
    ),
    "parameter_scores": Caption(
        "Scores of every run",
        "Large marks are means over seeds, dots single networks; in brackets millions of trained numbers. Left the mean "
        "absolute error, averaged over all parameters with each in its own unit as in the published tables, so that the "
        "angle in degrees weighs most; middle R², which weighs all parameters alike and takes angles the short way round; right the "
        "error of the angle the short way round, of which guessing gives a quarter of its period: 45° of an orientation, 90° of a "
        "direction. Diamonds are published values. A run that is better on the left alone may only treat the wrap of the angle better.",
    ),
    "errors": Caption(
        "Errors of each parameter, whole range",
        "Predicted − true for the lenses of the test part, one row per run and one column per parameter, on a logarithmic "
        "scale of counts so that single outliers show; columns share their axis. Of each run the network with the median "
        "mean absolute error is shown, with its mean absolute and mean squared errors. Outlines are angles taken the short "
        "way round: filled bars near ±180° without an outline are not errors but the wrap.",
    ),
    "errors_zoomed": Caption(
        "Errors of each parameter, within ±5",
        "The same within 5 pixels or degrees, on a linear scale of counts; the share outside is given. Look for histograms "
        "that are off zero (a bias) and for those that fill the panel (nothing learnt).",
    ),
    "stuck_at_mean": Caption(
        "Networks that are stuck at the mean",
        "Training loss of every network, in units of the loss of always answering with the mean of the training labels "
        "(dotted; the mean squared or mean absolute deviation of the labels from their mean, by the loss that is trained "
        "on). One panel per setting, coloured by batch size. A network above the dotted line after the last epoch counts as "
        "stuck: it does not use its images. Losses far above are cut off.",
    ),
    "degeneracy": Caption(
        "Images that cannot be told apart",
        "One source behind lenses at drawn distances χ (in per cent of the source's), all with the same R_E/χ: every image "
        "is compared with every other. Above one image of the most different pair of each range, below the difference of "
        "such pairs. With exact Einstein radii the images are the same, for they depend on R_E/χ alone: with positions in "
        "units of χ neither lens equation holds anything else. Near-misses appear once R_E is cast to whole pixels, most of "
        "all for small χ, where a pixel is a large part of R_E; the cast is ours and shows how they can come about, not how "
        "large the published ones are. Pairs of the same χ count as identical. The last column swaps the axes of the source and turns it by "
        "90°, which is the same source again; what differs are counts that round the other way.",
    ),
    "reconstruction": Caption(
        "The lens undone",
        "Test images beside what the predicted parameters give when they are simulated again, and the difference. To the "
        "right each pixel of the image traced back through the estimated lens, averaged over the pixels that come from the "
        "same place, beside the source as it is estimated. A good estimate leaves little in the middle, and an undistorted "
        "ellipse on the right; arcs that stay there are an error of the lens, an ellipse beside the estimated one is an "
        "error of the source. Numbers are root mean squares over pixels, in counts of 255. Where no pixel comes from, the "
        "undone image is dark.",
    ),
    "summary": Caption(
        "Summary of all runs",
        "Mean and standard deviation over seeds of every metric, per method, recipe, domain and BatchNorm "
        "statistics, beside the published value where there is one. A row with n_seeds 0 is a published "
        "number whose run is missing.",
    ),
}
WORKFLOW = """\
**sim2sky** trains networks on simulated gravitational lenses and measures how well they hold on survey images:
simulate, observe, train, adapt, predict, evaluate, report.

What was measured, with the tables beside the published numbers, is in ``results/report/report.html``, one page that
opens offline. The figures and tables here are the same; this report adds the workflow, its configuration and run times.
"""


def reports() -> dict[str, str]:
    """Text of every file of ``workflow/report``, by file name."""
    texts = {f"{kind}.rst": f"{caption.title}. {caption.text}\n" for kind, caption in CAPTIONS.items()}
    return {name: text.replace("θ_E", ":math:`\\theta_E`") for name, text in texts.items()} | {"workflow.rst": WORKFLOW}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file_name, content in reports().items():
        (FOLDER / file_name).write_text(content)
