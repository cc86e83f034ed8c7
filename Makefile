.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-server test-growth check docs reference screenshots bench release

OUT ?= demo
SERVERS := trixie bookworm noble
# uv from PATH, or installed into .uv/.
UV := $(or $(shell command -v uv),$(CURDIR)/.uv/bin/uv)
# uv uses the system's certificates, for a company's TLS proxy, or its own if there are none.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/c*.pem /etc/ssl/certs/ca-*.crt),1,0)
export UV
# A process for each processor, and a test module in one of them: modules share servers. In the order
# of their names, the long ones are not the last.
PYTEST = $(UV) run --quiet pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: $(UV) ## Render the default project into demo/, or OUT=…, and serve it.
	@$(UV) run --quiet --no-project scripts/demo.py $(OUT)

test: $(UV) ## Run the tests.
	$(PYTEST)

test-all: test ## Run all tests, including the slow ones.
	$(PYTEST) -m slow

test-server: $(UV) ## Run deployment and failure tests in systemd containers (root, ~15 min).
	@echo "The output of each container is shown at its end."
	@$(MAKE) --no-print-directory --jobs=$(shell nproc) --output-sync $(SERVERS:%=test-server-%)

test-server-%: $(UV)
	$(UV) run --quiet --group growth pytest -m server -k $* -rPfE

test-growth: $(UV) ## Run tests with several servers and real engines (root, PostgreSQL).
	$(UV) run --quiet --group growth pytest -m growth -rPfE

check: $(UV) ## Check the template's own code and workflows, and the words of everything.
	$(UV) run --quiet ruff check
	$(UV) run --quiet ruff format --check
	$(UV) run --quiet ty check
	$(UV) run --quiet typos
	$(UV) run --quiet zizmor --offline --quiet .github "{{cookiecutter.project_slug}}/.github"

docs: $(UV) ## Write the generated tables of docs/ (slow).
	$(UV) run --quiet pytest -m docs --update-docs

reference: $(UV) ## Render reference/ again: its diff shows what a change does to a project.
	rm -rf reference
	NO_NEXT_STEPS=1 $(UV) run --quiet --only-group render cookiecutter . --no-input --default-config -o reference

screenshots: $(UV) ## Take the README's pictures of the first page (Chromium).
	$(UV) run --quiet scripts/screenshots.py

bench: $(UV) ## Measure beside others and write benchmarks/RESULTS.md; ROUNDS=1 ONLY=uploads prints.
	$(UV) run --quiet benchmarks $(or $(ROUNDS),7) $(ONLY)

release: $(UV) ## Commit and tag the month's next version of the template, or VERSION=…
	@$(UV) run --quiet --no-project scripts/release.py $(VERSION)

$(CURDIR)/.uv/bin/uv:
	@echo "Installing uv into .uv/ …"
	@python3 -m venv .uv || { rm -rf .uv; echo "This needs uv, or Python's venv to fetch it: apt install python3-venv" >&2; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.13,<1"
