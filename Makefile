# make train         install, solve CartPole-v1, judge and film the best network    (ARGS="..." goes to dqn train)
# make test          install, run every test: rings unit, house and world (tests/rings.py)
# make faults        every signal at every phase of every command, every stream with every command: some 15 minutes
# make check         format, lint, types, and the rings unit and house: before every commit
# make lint          the first three of them
# make bench         time the library beside the one-file example, in turn    (ARGS="--steps 5000 --repeats 3")
# make matrix        every product of kinds learns the same alone and side by side    (ARGS=--compile)
# make mutants       plant well-known bugs one by one: each turns a test red
# make second        losses and targets beside those of rlax, 1,000 cases
# make imported      agents of SB3 and CleanRL's networks say the same here as there, 1,000 observations each
# make bsuite        bsuite's own score of a preset, in an environment of its own: a night    (ARGS="--only catch bandit")
# make firefox       the page of a small run, and that of two, in Firefox (apt install firefox-esr)
# make docs          the site of the documents, in three languages, into site/: every link and anchor is checked
# make gallery       train the six runs of its gallery, then the site: some twenty minutes
# make dist          wheel and sdist, into dist/
# make bench-peers   the same beside SB3, CleanRL's arithmetic and rejax, each in an environment of its own
# make bench-device  an update on the CPU and on a GPU, one agent and ten    (ARGS="--devices cuda")

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ENVPOOL := $(VENV)/envpool
PEERS := sb3 cleanrl rejax
PEER_VENVS := benchmarks/.venvs

.DEFAULT_GOAL := help
.PHONY: help setup train test faults lint check bench bench-peers bench-device bsuite dist docs docs-en docs-zh-Hant docs-zh-Hans firefox gallery imported matrix mutants second clean

help:
	@sed -n 's/^# //p' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'dqnlab needs Python 3.11 or newer: make setup PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'This Python cannot make virtual environments: apt install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# the pip that comes with Python 3.11 takes twice as long
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -U pip
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

train: setup
	$(BIN)/dqn train $(ARGS)

test: setup $(ENVPOOL)/.installed
	$(BIN)/python -m pytest -q -n auto --dist loadfile --ring unit
	$(BIN)/python -m pytest -q -n auto --dist loadfile --ring house
	$(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder --ring world
	PYTHONPATH=$(ENVPOOL) $(BIN)/python -m pytest -q tests/run/test_pools.py tests/run/test_extras.py -k "real or envpool"

# Beside the others, for what it brings changes what torch's compiler imports, and so what other tests see.
$(ENVPOOL)/.installed: $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --target $(@D) \
	  envpool==1.2.5 envpool-assets envpool-assets-mujoco-large optree dm-env glfw
	@touch $@

faults: setup
	DQNLAB_FAULTS=all $(BIN)/python -m pytest -n auto tests/crash/test_signal_table.py tests/app/test_streams.py

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python

check: lint
	$(BIN)/python -m pytest -q -n auto --dist loadfile --ring unit
	$(BIN)/python -m pytest -q -n auto --dist loadfile --ring house

docs: docs-en docs-zh-Hant docs-zh-Hans

docs-zh-Hant docs-zh-Hans: docs-en  # which empties site/, where they put theirs

docs-en docs-zh-Hant docs-zh-Hans: docs-%: setup
	NO_MKDOCS_2_WARNING=1 DQNLAB_DOCS_LANGUAGE=$* $(BIN)/python -m mkdocs build --strict

gallery: setup
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[box2d]'
	$(BIN)/python docs/site/gallery.py
	$(MAKE) docs

dist: setup
	$(BIN)/python -m hatchling build

bench: setup
	$(BIN)/python benchmarks/speed.py $(ARGS)

bench-peers: setup $(PEERS:%=$(PEER_VENVS)/%/.installed)
	$(BIN)/python benchmarks/speed.py --peers $(ARGS)

$(PEER_VENVS)/%/.installed: benchmarks/peers/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check -r $<
	@touch $@

bench-device: setup
	$(BIN)/python benchmarks/device.py $(ARGS)

firefox: setup
	$(BIN)/python benchmarks/firefox.py $(ARGS)

matrix: setup
	$(BIN)/python benchmarks/matrix.py $(ARGS)

mutants: setup
	$(BIN)/python benchmarks/mutants.py $(ARGS)

second: setup $(PEER_VENVS)/rlax/.installed
	$(BIN)/python benchmarks/second.py

bsuite: $(PEER_VENVS)/bsuite/.installed
	$(PEER_VENVS)/bsuite/bin/python benchmarks/behaviour.py $(ARGS)

imported: setup $(PEER_VENVS)/sb3/.installed $(PEER_VENVS)/cleanrl/.installed
	$(BIN)/python benchmarks/imported.py

clean:
	rm -rf $(VENV) $(PEER_VENVS) build dist site .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
