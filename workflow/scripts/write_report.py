"""Rule write_report."""

from sim2sky.jobs import bring_back_dates, tee

tee(snakemake.log[0])

from sim2sky.provenance.record import versions
from sim2sky.provenance.records import described, unrecorded
from sim2sky.report.page.chapter import Chapter
from sim2sky.report.page.write import write_report

params = snakemake.params
chapters = {name: Chapter.model_validate(chapter) for name, chapter in params.chapters.items()}
about = {"versions": versions(), "code fingerprints": params.code_of_rules}
about |= {"results without a record of Snakemake": described(unrecorded(snakemake.config["results"]))}
about |= {"configuration": {name: chapter["study"] for name, chapter in params.chapters.items()}}
write_report(snakemake.output.report, chapters, snakemake.input.captions, about)
bring_back_dates(snakemake.config["results"], snakemake.input)
