# Two commands do everything on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Modules are compiled when they are first imported: most of what is installed never is.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile --constraint constraints.txt

# On Linux the plain torch wheel brings gigabytes of CUDA; the "+cpu" build never does.
# For a GPU: make demo TORCH="torch==2.13.0"
ifeq ($(shell uname),Linux)
TORCH ?= torch==2.13.0+cpu
else
TORCH ?= torch==2.13.0
endif
TORCH_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: help demo test faults fuzz lint format benchmarks catalogs readme docs clean
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.build  ## train on the starter set, look at the catalog, featurize three formulas
	@BIN=$(BIN) sh docs/demo.sh

test: $(VENV)/.test  ## run the whole test suite
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

faults: $(VENV)/.test  ## kill, fill, stop and watch every command at each of its steps; the suite tries some of them
	FAULTS_ALL_STEPS=1 $(BIN)/python -m pytest tests/faults

fuzz: $(VENV)/.test  ## look for inputs that go wrong, for an hour
	EMBEDDINGS_FUZZ_SECONDS=3600 $(BIN)/python -m pytest tests/fuzz

lint: $(VENV)/.test  ## ruff, mypy and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.test  ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmarks: $(VENV)/.test  ## measure speed against peers, into benchmarks/results/
	$(BIN)/python -m benchmarks

CATALOGS := ct-formation-energy@2.0.0 ct-band-gap@2.0.0 ct-ef-eg@2.0.0
ENCODERS := cromel-formation-energy@1.0.0 cromel-band-gap@1.0.0 cromel-multi@1.0.0
FOUNDATION := formation_energy_per_atom,band_gap,log10_k_vrh,log10_g_vrh,log10_bulk_modulus,log10_shear_modulus,log10_debye_temperature,log10_thermal_conductivity_300k,log10_thermal_expansion_300k,formation_energy_per_cell,band_gap_gllbsc
catalogs: $(VENV)/.build  ## train the published catalogs: make catalogs STRUCTURES=mp_structures.parquet [CORPUS=corpus.parquet] [DATABASES=folder TEACHER=vectors]; it resumes
	@test -n "$(STRUCTURES)" || { echo "Name the structure table: make catalogs STRUCTURES=mp_structures.parquet"; exit 1; }
	for catalog in $(CATALOGS); do \
		$(BIN)/embeddings build --source table --path "$(STRUCTURES)" --about materials-project-open-labels \
			--recipe $${catalog%@*} --out catalogs --version $${catalog#*@} || exit 1; \
	done
	test -e catalogs/ct-multi/5.0.0 || $(BIN)/embeddings build --source table --path "$(STRUCTURES)" --about materials-project-open-labels \
		--recipe ct-multi --previous ct-multi@4.0.0 --out catalogs --version 5.0.0
	for catalog in $(ENCODERS); do \
		$(BIN)/embeddings build --source table --path "$(STRUCTURES)" --about materials-project-open-labels \
			--recipe $${catalog%@*} --teacher ct-ef-eg@2.0.0 --out catalogs --version $${catalog#*@} || exit 1; \
	done
	test -z "$(CORPUS)" || $(BIN)/embeddings build --source table --path "$(STRUCTURES)" --about materials-project-open-labels \
		--recipe imkt-multi --teacher ct-ef-eg@2.0.0 --corpus "$(CORPUS)" --out catalogs --version 1.0.0
	@test -z "$(DATABASES)" -o -n "$(TEACHER)" || { echo "Name the vectors of a potential, see tools/drawn.py: TEACHER=chgnet.parquet"; exit 1; }
	test -z "$(DATABASES)" -o -e catalogs/ct-foundation/4.0.0 || $(BIN)/embeddings build --source table --path "$(DATABASES)" --about materials-project-aflow-cmr \
		--recipe ct-foundation --init ct-multi@5.0.0 --previous ct-foundation@3.0.0 --teacher "$(TEACHER)" --targets $(FOUNDATION) \
		--out catalogs --name ct-foundation --version 4.0.0

readme: $(VENV)/.test  ## make the generated parts of README and docs anew
	$(BIN)/python -m docs.readme

docs: $(VENV)/.docs  ## build the documentation site into site/; open site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build --strict

clean:  ## remove the environment and all caches of the checkout
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist site

$(VENV)/.made:
	@echo "Setting up $(VENV)"
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.docs: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) --editable ".[docs]"
	@touch $@

$(VENV)/.torch: $(VENV)/.made constraints.txt
	@echo "Installing torch into $(VENV): some minutes, without a word from pip."
	$(PIP) "$(TORCH)" || $(PIP) --index-url $(TORCH_INDEX) "$(TORCH)"
	@touch $@

$(VENV)/.build: $(VENV)/.torch pyproject.toml
	@echo "Installing what training needs."
	$(PIP) --editable ".[build]"
	@touch $@

$(VENV)/.test: $(VENV)/.torch pyproject.toml
	@echo "Installing what training and tests need."
	$(PIP) --editable ".[build,test]"
	$(PIP) --no-deps emmet-api  # the Materials Project's own server code; its dependencies serve other routes
	$(PIP) --no-deps embedding-atlas  # its viewer alone: files for a browser; its dependencies embed text and pictures
	@touch $@
