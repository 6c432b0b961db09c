"""Rule predict."""

from sim2sky.logs import tee

tee(snakemake.log[0])

from sim2sky.config import Recipe
from sim2sky.dates import bring_back_dates
from sim2sky.evaluate.predict import predict_block
from sim2sky.train.data import Domain

prediction = snakemake.params.prediction
predict_block(
    snakemake.input.model,
    Recipe.model_validate(prediction["recipe"]),
    prediction["targets"],
    [Domain(**domain) for domain in prediction["domains"]],
    snakemake.output.predictions,
    snakemake.output.latents,
    snakemake.params.code,
    snakemake.threads,
    prediction["statistics"],
)
bring_back_dates(snakemake.config["results"], snakemake.input)
