# Figures of each study and the one page that shows all studies.
rule write_report:
    output:
        report=PATHS.report,
    log:
        log_of("write_report", "report"),
    script:
        "../scripts/write_report.py"
