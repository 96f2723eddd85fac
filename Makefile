# qwtutor: `make run` opens the tutor, `make test` checks everything. Python 3.11 or newer, make, a C/C++ compiler.

.DEFAULT_GOAL := help
.SUFFIXES:

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The first interpreter that is new enough and can make environments; `make run PYTHON=…` takes another.
USABLE := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	"$$name" -c '$(USABLE)' 2>/dev/null && { command -v "$$name"; break; }; done)

.PHONY: help run test soak bench reference docs schema models test-models lock clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(READY)  ## install, fetch the default model (Ctrl+C skips it), open the tutor
	@# Job control, where there is a terminal: Ctrl+C then skips the download alone and does not end make.
	@if [ -t 0 ]; then set -m; fi; \
	$(BIN)/qwtutor models pull --if-missing || echo "==> Going on without a model: the lessons work without it, and \`$(BIN)/qwtutor models pull\` fetches it later."; \
	$(BIN)/qwtutor

test: $(READY) test-models  ## lint, types, import contracts, content, tests with the real models
	@echo "==> Lint and format"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "==> Types"
	@$(BIN)/mypy
	@echo "==> Import contracts"
	@$(BIN)/lint-imports
	@echo "==> Lessons and quizzes"
	@QWTUTOR_HOME=.cache/home QWTUTOR_MODELS=$${QWTUTOR_MODELS:-.cache/models} $(BIN)/qwtutor check --lang en
	@echo "==> Tests"
	@$(BIN)/pytest -n 2

soak: $(READY) test-models  ## the same tests with the full counts of kills, mutated files and payloads
	@echo "==> Tests, in full"
	@QWTUTOR_SOAK=1 $(BIN)/pytest -n 2

bench: $(READY) test-models  ## measure start-up, keys, bytes, decoding and memory on this machine
	@echo "==> Measuring"
	@$(BIN)/python -m bench

reference: $(READY) test-models  ## compare with transformers on the same weights (fetches torch, once)
	@[ -x .cache/reference/bin/pip ] || { echo "==> Environment with torch and transformers in .cache/reference"; $(PYTHON) -m venv .cache/reference; }
	@.cache/reference/bin/pip install -q --disable-pip-version-check -r bench/reference.txt
	@echo "==> Comparing"
	@$(BIN)/python -m bench.reference

docs: $(READY)  ## write the command table of the README and the pictures again
	@echo "==> Documentation"
	@$(BIN)/python docs/make.py
	@$(BIN)/qwtutor models pull --if-missing
	@$(BIN)/python docs/pictures.py

schema: $(READY)  ## write the JSON Schemas of lessons and quizzes again
	@echo "==> Schemas"
	@$(BIN)/python -m tutor.content.schema

models: $(READY)  ## train the tokenizer models that ship again, from the text that ships
	@echo "==> SentencePiece models"
	@$(BIN)/python models/train_spm.py

test-models: $(READY)  ## fetch the models of the tests into .cache/models
	@echo "==> Models for the tests"
	@$(BIN)/python tests/fetch_models.py

# One environment for running and testing, exactly as locked; made again when the lock or the project changes.
$(READY): requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "qwtutor needs Python 3.11 or newer with its venv module, and none was found. Name one with PYTHON=/path/to/python3."; exit 1; fi
	@echo "==> Environment in $(VENV) ($$($(PYTHON) --version))"
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV)
	@wanted=$$(sed -n 's/^llama-cpp-python==\([^ ]*\).*/\1/p' requirements.lock); \
	if ! $(BIN)/pip show llama-cpp-python 2>/dev/null | grep -qx "Version: $$wanted" \
		&& ! $(BIN)/pip cache list llama_cpp_python 2>/dev/null | grep -q "llama_cpp_python-$$wanted-"; then \
		command -v $${CC:-cc} >/dev/null && command -v $${CXX:-c++} >/dev/null || { \
			echo "llama-cpp-python is compiled from source, and no C/C++ compiler was found: install gcc and g++, or clang (macOS: xcode-select --install)."; exit 1; }; \
		echo "==> llama-cpp-python $$wanted is compiled from source: about 3.5 minutes on two cores, this once"; \
	fi
	@echo "==> Packages, exactly as locked"
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

lock:  ## choose the newest versions that pyproject.toml allows (needs the network)
	@echo "==> Lock"
	@[ -x .cache/lock/bin/uv ] || { $(PYTHON) -m venv .cache/lock && .cache/lock/bin/pip install -qq --disable-pip-version-check uv; }
	@.cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --upgrade pyproject.toml --output-file requirements.lock

clean:  ## remove what was built or cached; the environment and the models stay
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache/lock
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
