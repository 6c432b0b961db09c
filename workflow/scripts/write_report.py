"""Rule write_report."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.provenance.record import versions
from sim2sky.report.page.chapter import Chapter
from sim2sky.report.page.write import write_report

params = snakemake.params
studies = {name: chapter["study"] for name, chapter in params.chapters.items()}
write_report(
    snakemake.output.report,
    {name: Chapter.model_validate(chapter) for name, chapter in params.chapters.items()},
    snakemake.input.captions,
    {"versions": versions(), "code fingerprints": params.code_of_rules, "configuration": studies},
)
bring_back_dates(snakemake.config["results"], snakemake.input)
