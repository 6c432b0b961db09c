"""Rules predict and predict_on_gpu."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Recipe
from sim2sky.data.domain import Domain
from sim2sky.evaluate.predict import predict_block

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
