# Everything runs inside a virtual environment of its own, made on the first call.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake
PEER := $(VENV)-deeplenstronomy
AUTOLENS := $(VENV)-autolens
# Survey cutouts (a FITS cube, DES g band) add the real sky as a third domain: make demo CUTOUTS=path/to/cubes.fits
SKY := $(if $(CUTOUTS),'cutouts={des_coadd_g: $(CUTOUTS)}')
CONFIG := $(if $(CUTOUTS),--config $(SKY))
EXTRAS :=
# Jobs start by the hundred: the library is compiled once.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo demo-all full plan why test test-fast faults lint lint-types lint-python lint-snakemake docs docs-site conventions benchmarks clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## from nothing to results/report/report.html, in minutes (CUTOUTS=cube.fits adds the real sky)
	$(SNAKEMAKE) --profile profiles/demo $(CONFIG)
	@echo "Report: results/report/report.html"

demo-all: setup ## all studies at demo size (config/demo-all.yaml), in some minutes
	$(SNAKEMAKE) --profile profiles/demo-all $(CONFIG)
	@echo "Report: results/report/report.html"

full: setup ## the full-size studies on this machine (long: see make plan; resumes where it stopped)
	$(SNAKEMAKE) $(CONFIG)

why: setup ## what would be made again, and which key, module or file is the reason
	@$(BIN)/sim2sky why $(CONFIG)

plan: setup ## what a full-size run would cost: jobs, hours, disk
	@$(BIN)/sim2sky plan $(CONFIG)

# Three processes keep two cores busy, since one mostly waits for SLURM.
test: ## all tests, with lint
	$(MAKE) --no-print-directory --jobs 2 setup-test
	$(MAKE) --no-print-directory --jobs 2 --keep-going lint
	$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder

test-fast: setup-test ## the tests that take seconds
	$(BIN)/python -m pytest -m "not slow"

faults: setup-test ## kill two small studies 200 times and compare their results with an undisturbed run (about an hour)
	$(BIN)/python -m tests.faults.campaign --output docs/results/faults.csv

lint: lint-types lint-python lint-snakemake ## ruff, snakefmt, mypy and snakemake --lint

lint-types: setup-test
	$(BIN)/mypy

lint-python: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-snakemake: setup-test
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(SNAKEMAKE) --lint

docs: setup ## regenerate config/README.md, JSON schemas, docs/networks.md and docs/results/plan.md from the code
	$(BIN)/python -m sim2sky.tools.reference
	$(BIN)/python -m sim2sky.tools.networks_table
	$(BIN)/sim2sky plan > docs/results/plan.md

docs-site: setup-test ## the documentation as a website: site/index.html
	rm -rf site docs/api
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -c docs . site
	@echo "Site: site/index.html"

conventions: setup-test $(AUTOLENS) ## measure the definitions of other packages again, into docs/results/conventions.csv, and test them
	$(BIN)/python -m tests.peers.measured
	$(BIN)/python -m pytest tests/peers/test_conventions.py

# as workflow/rules/common.smk has it for jobs
benchmarks: export MALLOC_TRIM_THRESHOLD_ = 1073741824
benchmarks: export MALLOC_MMAP_THRESHOLD_ = 33554432
benchmarks: setup-test $(PEER) ## speed against peers and another checkout (BEFORE=path), as ratios, into docs/results/benchmarks
	$(BIN)/python benchmarks/render.py $$(test ! -x $(PEER)/bin/python || echo --deeplenstronomy-python $(PEER)/bin/python)
	$(BIN)/python benchmarks/cusps.py
	$(BIN)/python benchmarks/cosmosim.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/gpu.py
	$(BIN)/python benchmarks/input_pipeline.py
	$(BIN)/python benchmarks/measure.py
	$(BIN)/python benchmarks/threads.py
	test -z "$(BEFORE)" || $(BIN)/python benchmarks/workflow.py --before $(BEFORE) --demo

clean: ## remove results (keeps the environment)
	rm -rf results .snakemake

setup: $(VENV)/.setup
setup-test: $(VENV)/.setup-test $(VENV)/.system

$(VENV)/.setup: pyproject.toml constraints.txt
	$(venv)
	$(install)
	@touch $@

# all that .setup installs, and more, in one pass
$(VENV)/.setup-test: EXTRAS := [test,docs]
$(VENV)/.setup-test: pyproject.toml constraints.txt
	$(venv)
	$(install)
	@touch $(VENV)/.setup $@

define venv
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo "sim2sky needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11 ..."; exit 1; }
test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
endef

# pip would compile on one core; some files of some packages are not meant to be compiled
define install
$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e '.$(EXTRAS)'
@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
endef

$(PEER): # deeplenstronomy wants a lenstronomy of its own; without internet its row is left out
	@$(PYTHON) -m venv $@ && $@/bin/python -m pip install --quiet deeplenstronomy==0.0.2.3 'lenstronomy<=1.14.0' 'jampy<8' || \
	  { rm -rf $@; echo "deeplenstronomy cannot be installed here: it is left out"; }

$(AUTOLENS): # PyAutoLens wants an older astropy; this is its last release for Python 3.11
	$(PYTHON) -m venv $@ && $@/bin/python -m pip install --quiet autolens==2026.7.29.1 || { rm -rf $@; exit 1; }

# A browser and SLURM: as root on Debian they are installed, elsewhere their tests are skipped unless they are there.
$(VENV)/.system:
	@packages=$$(command -v chromedriver >/dev/null || echo chromium chromium-driver; \
	  command -v slurmctld >/dev/null && command -v munged >/dev/null || echo slurm-wlm munge); \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -n "$$packages" ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$packages >/dev/null; \
	elif [ -n "$$packages" ]; then echo "Not installed here, and their tests will be skipped:" $$packages; fi
	@mkdir -p $(VENV) && touch $@
