"""Rules train_source_only and adapt: the same loop, with and without a target domain."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.train.launch import train

training, ranking = dict(snakemake.params.training), snakemake.input.ranking
worst, domains = training.pop("worst"), training.pop("domains")
arguments = {
    "seeds": [int(seed) for seed in snakemake.wildcards.seeds.split("-")],
    **dict(snakemake.output.items()),
    "fingerprint": snakemake.params.code,
    "threads": snakemake.threads,
    "start_from": snakemake.input.start or None,
    "worst": {"model": ranking, **worst} if worst else None,
}
train(training | domains | arguments)
bring_back_dates(snakemake.config["results"], snakemake.input)
