# Every chore in one line; `make` lists them. PORT=… and VAR=… change where `make run` serves and keeps its data.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON := .venv/bin/python
# The tests start the program hundreds of times: compiled modules are kept, whatever the caller's habit.
unexport PYTHONDONTWRITEBYTECODE
SOURCES := $(shell find appliance tui packaging -name '*.py' -o -name '*.spec' -o -name '*.lock' 2>/dev/null)
.PHONY: help run test check reference binary binary-arm64 deb man bench picture lock clean

help:      ## list the chores
	@sed -n 's/^\([a-z0-9-]*\): .*## /  make \1  /p' $(MAKEFILE_LIST) | awk '{ n = $$2; $$1 = $$2 = ""; printf "  make %-13s %s\n", n, substr($$0, 3) }'
run:       ## set up, then a certificate authority under ./var, with the console on a terminal
	@sh packaging/setup.sh run && exec $(PYTHON) packaging/run.py
test:      ## set up, then everything that must hold: check, the binary, the tests (on every core)
	@sh packaging/setup.sh test && $(MAKE) --no-print-directory check dist/hearth && $(PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)
check:     ## ruff, mypy strict, import-linter
	@sh packaging/setup.sh run && .venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports
reference: ## the tests beside the reference programs (step and step-ca on PATH)
	@sh packaging/setup.sh test && $(MAKE) --no-print-directory dist/hearth && $(PYTHON) -m pytest --reference -m reference $(ARGS)
binary: dist/hearth ## the whole program as one file: dist/hearth
dist/hearth: $(SOURCES)
	@sh packaging/setup.sh test && $(PYTHON) -m PyInstaller --noconfirm --log-level WARN --distpath dist --workpath build packaging/hearth.spec && ls -l dist/hearth
binary-arm64: ## the same for arm64, built and tried by emulation: dist/hearth-arm64 (as root, 10 minutes)
	@sh packaging/setup.sh run && sh packaging/binary-arm64.sh
deb: dist/hearth ## Debian packages of the binaries that are there: dist/hearth_….deb
	@sh packaging/deb.sh
man:       ## manual pages of every command: build/man
	@sh packaging/setup.sh run && $(PYTHON) packaging/manual.py
bench:     ## signs per second, latency, memory, disk; beside step-ca where it is on PATH
	@sh packaging/setup.sh bench && $(PYTHON) -m tests.bench $(ARGS)
picture:   ## draw the console's screens in homelab.md anew (ARGS=… some of them)
	@sh packaging/setup.sh run && $(PYTHON) packaging/screenshot.py $(ARGS)
lock:      ## resolve the dependencies anew into packaging/requirements.lock (needs uv)
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --group dev pyproject.toml -o packaging/requirements.lock
clean:     ## remove what was built; ./var (keys, certificates) stays
	@rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage*
