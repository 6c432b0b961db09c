"""Rules predict and predict_on_gpu."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.config import Recipe
from sim2sky.data.domain import Domain
from sim2sky.evaluate.predict import predict_block

given, files = snakemake.params.prediction, dict(snakemake.output.items())
recipe = Recipe.model_validate(given["recipe"])
domains = [Domain(**domain) for domain in given["domains"]]
job = {"fingerprint": snakemake.params.code, "threads": snakemake.threads, "gpu": bool(snakemake.resources.get("gpu"))}
predict_block(snakemake.input.model, recipe, given["targets"], domains, **files, **job, statistics=given["statistics"])
bring_back_dates(snakemake.config["results"], snakemake.input)
