# Each target is an ordinary command that can be typed by hand. `sudo make demo` to begin with.

PY := .venv/bin/python

.PHONY: help setup setup-dev demo stop test check format docs bench clean

help: ## Say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## Install what is missing: distribution packages (as root) and .venv with wherry and wherryd
	@scripts/setup

setup-dev: ## The same, and what tests and checks need
	@scripts/setup --dev

demo: setup ## Start the engine if none runs, make a base image, show it at work (as root)
	@examples/demo.sh

stop: ## End the engine that the demo started; its containers run on
	@scripts/engine stop

test: setup-dev ## All tests; those that need root are skipped without it
	@PATH="$$PATH:$(CURDIR)/.venv/tools" $(PY) -m pytest $(ARGS)

check: setup-dev ## Formatting, lint, types, import rules
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup-dev ## Put the code into its form
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

docs: setup-dev ## Write docs/reference from the code
	@$(PY) -m scripts.reference

bench: setup-dev ## Compare two engines: make bench A=unix:///run/wherry/wherry.sock B=unix:///run/docker.sock
	@$(PY) -m benchmarks.compare --a $(A) --b $(B) $(ARGS)

clean: ## Remove what was made in this folder (nothing of the engine's data)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
