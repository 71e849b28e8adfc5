# Every target works as the very first command in a fresh clone: it makes .venv from the lock and goes on.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
  PYTHON := python
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif
RUN := $(BIN)/python -m
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help serve quick test check format bench fuzz siege soak proto setup lock notes release pictures clean

help:
	@echo "make serve   start the server on a simulated market, or on ./data"
	@echo "make quick   the tests that need no server (under a minute)"
	@echo "make test    run all tests (some four minutes)"
	@echo "make check   ruff and mypy"
	@echo "make bench   benchmarks, and the change since the last release (some fifteen minutes)"
	@echo "make fuzz    a million damaged messages through each parser and the hub"
	@echo "make siege   every attack we know of, each against a server with innocent clients (half an hour)"
	@echo "make soak    two hours: dropped connections, Autobahn, 20,000 messages a second, clients that come and go, a cluster, the studio"
	@echo "make proto   regenerate the protobuf code"
	@echo "make setup   the environment for working on gexfaker"
	@echo "make notes   the changes of changes/ into CHANGELOG.md"
	@echo "make pictures the pictures of the studio in docs/ (needs chromium)"
	@echo "make release build the packages, twice, and try them in clean environments"
	@echo "make lock    renew the lock files in requirements/"

# `make serve SEED=7` is a setting: what is given on make's command line goes to the server by the name that all settings have.
OURS := ARGS SHELL PYTHON BIN RUN PIP OTHER MAKEFLAGS MFLAGS MAKEOVERRIDES
serve: .venv/runtime
	$(foreach name,$(filter-out $(OURS),$(.VARIABLES)),$(if $(filter command,$(origin $(name))),$(eval export GEXFAKER_$(name) := $$($(name)))))
	@$(BIN)/gexfaker serve $(ARGS)

# The quick tests first. The others mostly wait for a server, so four at a time; those that compare times come last, alone.
# Exit code 5: ARGS has chosen no such test.
OTHER := $(addprefix --ignore=tests/,archive cli conformance fuzz jobs plotting server soak test_docs.py)
quick: .venv/dev
	@$(RUN) pytest -n 2 --dist worksteal $(OTHER) -m "pure and not long and not volume" $(ARGS) || test $$? -eq 5

test: quick
	@$(RUN) pytest -n 4 --dist worksteal -m "(long or not pure) and not alone and not volume" $(ARGS) || test $$? -eq 5
	@$(RUN) pytest -m "alone and not volume" $(ARGS) || test $$? -eq 5

check: .venv/dev
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

format: .venv/dev
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

# `make fuzz` takes minutes, `make soak` two hours; `make test` runs a short version of each.
fuzz: .venv/dev
	@$(RUN) tests.fuzz $(ARGS)
	@$(RUN) pytest -n 2 -m volume

siege: .venv/dev
	@$(RUN) tests.siege $(ARGS)

soak: .venv/dev
	@$(RUN) tests.soak.drops $(ARGS)
	@$(RUN) tests.soak.autobahn
	@$(RUN) tests.soak.steady
	@$(RUN) tests.soak.churn
	@$(RUN) tests.soak.cluster
	@$(RUN) tests.soak.studio

# What changed, from changes/ into CHANGELOG.md; then the packages, built twice and tried in clean environments.
notes: .venv/dev
	@$(BIN)/towncrier build --yes --version "$$($(BIN)/python -c 'import gexfaker; print(gexfaker.__version__)')" $(ARGS)

release: .venv/dev
	@$(BIN)/python -m release $(ARGS)

pictures: .venv/dev
	@PYTHONPATH=tests $(RUN) tests.studio.pictures $(ARGS)

bench: .venv/dev
	@$(BIN)/python -m bench $(ARGS)

proto: .venv/proto/ready
	@$(subst .venv,.venv/proto,$(BIN))/python proto/generate.py $(ARGS)

setup: .venv/dev

.venv/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "gexfaker needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

# The runtime part alone is what `make serve` waits for: a few seconds instead of the whole toolbox.
.venv/runtime: requirements/runtime.txt requirements/build.txt pyproject.toml | .venv/python
	@echo "Setting up .venv (once) ..."
	@$(PIP) install --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

.venv/dev: requirements/dev.txt .venv/runtime
	@echo "Adding the test tools (once) ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

.venv/proto/ready: requirements/proto.txt | .venv/python
	@$(PYTHON) -m venv .venv/proto
	@$(subst .venv,.venv/proto,$(BIN))/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/proto.txt
	@touch $@

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11

# protobuf is held where the vendor's own client pins it, so that both fit into one environment.
lock: .venv/dev
	@$(PIP) install uv
	@echo "protobuf==6.33.*" > .venv/constraints
	@$(COMPILE) pyproject.toml -c .venv/constraints -o requirements/runtime.txt
	@$(COMPILE) pyproject.toml --extra cluster -c requirements/runtime.txt -o requirements/cluster.txt
	@$(COMPILE) --group build -c requirements/runtime.txt -o requirements/build.txt
	@$(COMPILE) pyproject.toml --group build --group dev -c requirements/runtime.txt -o requirements/dev.txt
	@$(COMPILE) --group proto -o requirements/proto.txt

clean:
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
