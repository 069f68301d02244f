# Frontrow's developer commands. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv/bin
ARGS ?=

.PHONY: help
help: ## List these commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv with what running needs (done by run)
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "setup: no $(PYTHON) found: Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) stack/venv.py local

.PHONY: setup-dev
setup-dev: ## Make .venv with the test and lint tools too (done by test and lint)
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "setup: no $(PYTHON) found: Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) stack/venv.py dev

.PHONY: run
run: setup ## Start everything, print one table, then warnings (ARGS=--logs: all lines; HA=1: with spare parts; OBSERVE=1: with Prometheus); Ctrl-C stops it
	@exec $(VENV)/python -m stack up $(if $(HA),--profile ha) $(if $(OBSERVE),--observe) $(ARGS)

.PHONY: dev
dev: setup-dev ## The same, with the API reloading when code changes
	@exec $(VENV)/python -m stack up --reload $(ARGS)

.PHONY: test
test: setup-dev ## Run the tests on real servers, in two processes (ARGS="tests/api -k hold" picks some, in one)
	@$(if $(ARGS),,echo "test: leaves out what helm and kubeconform check of the chart: make delivery")
	@exec $(VENV)/python -m pytest $(or $(ARGS),-n 2)

.PHONY: test-fast
test-fast: setup-dev ## Run the unit and architecture tests: no servers, under 30 s
	@exec $(VENV)/python -m pytest tests/unit tests/architecture $(ARGS)

.PHONY: contract
contract: setup-dev ## Check the running site against its OpenAPI document with many requests
	@CONTRACT_EXAMPLES=30 exec $(VENV)/python -m pytest --timeout 900 tests/acceptance/test_schema.py $(ARGS)

.PHONY: faults
faults: setup-dev ## Break parts of one running site while fans buy (before a release; ARGS picks some)
	@exec $(VENV)/python -m pytest $(or $(ARGS),tests/acceptance/faults)

.PHONY: rehearsals
rehearsals: setup-dev ## Rehearse, interrupt and kill: each test starts a stack (before a release; ARGS picks some)
	@exec $(VENV)/python -m pytest $(or $(ARGS),tests/rehearsal)

.PHONY: rush
rush: setup ## Rehearse an on-sale on a stack of its own (ARGS="--profile small --faults")
	@eval "$$($(VENV)/python -m stack env)" && exec $(VENV)/python manage.py rush $(ARGS)

.PHONY: drills
drills: setup-dev ## Lose parts of a stack with spare parts under load (ARGS=all: every drill); writes docs/drills.md
	@exec $(VENV)/python -m drills $(or $(ARGS),quick) --save

.PHONY: drills-alerts
drills-alerts: setup ## Break parts of an observed stack, and see which alerts come (ARGS=deadlock: one); writes docs/drills-alerts.md
	@exec $(VENV)/python -m drills alerts --save $(ARGS)

.PHONY: drills-releases
drills-releases: setup-dev ## Release good and bad builds to a site under load, and see which stay (as make cluster; ARGS=--control: without analysis); writes docs/drills-releases.md
	@$(VENV)/python -m deploy.tools.build helm etcd kubernetes kwok argo-rollouts >/dev/null
	@exec $(VENV)/python -m drills releases --save $(ARGS)

.PHONY: delivery
delivery: setup-dev ## Check the chart by helm and kubeconform (built once, by Go), and its rules for every file of values
	@$(VENV)/python -m deploy.chart check
	@exec $(VENV)/python -m pytest tests/delivery tests/chart $(ARGS)

.PHONY: cluster
cluster: setup-dev ## Start a real control plane without containers (built once, by Go; needs kubectl); ARGS=down ends it, ARGS=status
	@exec $(VENV)/python -m deploy.cluster $(or $(ARGS),up)

.PHONY: cluster-test
cluster-test: setup-dev ## Install, scale, drain, upgrade and roll back the chart in such a cluster (ARGS="-k drain" picks some)
	@$(VENV)/python -m deploy.tools.build helm etcd kubernetes kwok argo-rollouts >/dev/null
	@exec $(VENV)/python -m pytest --timeout 900 $(if $(CLUSTER_DATA),,-n 3) tests/cluster $(ARGS)

.PHONY: last-release
last-release: setup-dev ## Run the last release's tests on this schema, and look at new migrations (ARGS="--all --processes 2")
	@exec $(VENV)/python -m release compatibility $(ARGS)

.PHONY: chart
chart: setup-dev ## Write what is made of the chart: its README and production's objects
	@$(VENV)/python -m deploy.chart write

.PHONY: terraform
terraform: setup-dev ## Check Terraform without an account: its modules, an apply against a double of AWS, checkov (ARGS="-k double")
	@$(VENV)/python -m deploy.terraform
	@exec $(VENV)/python -m pytest tests/terraform $(ARGS)

.PHONY: workflows
workflows: setup-dev ## Check workflows and scripts by actionlint (built once, by Go), zizmor and shellcheck
	@$(VENV)/python -m deploy.workflows

.PHONY: dashboards
dashboards: setup-dev ## Write the dashboards' JSON from observability/dashboards
	@$(VENV)/python observability/sdk.py write

.PHONY: image
image: setup-dev ## Build the image without a daemon and test it from inside, as root (ARGS="-k api"); needs buildah and debootstrap
	@deploy/image/build.sh $(RELEASE)
	@exec $(VENV)/python -m pytest tests/image $(ARGS)

.PHONY: sbom
sbom: ## List what is in the image, as SPDX and CycloneDX, beside it in the data folder; needs Go
	@deploy/image/sbom.sh

.PHONY: bench
bench: setup ## Measure the speed bars on this machine (ARGS="--quick --json")
	@exec $(VENV)/python -m bench speed $(ARGS)

.PHONY: screenshots
screenshots: setup-dev ## Buy on the running site and take the pictures of docs/images (beside make run)
	@eval "$$($(VENV)/python -m stack env)" && exec $(VENV)/python -m tests.browser.screenshots $(ARGS)

.PHONY: mutants
mutants: setup-dev ## Remove guards one at a time and check that tests notice (ARGS="--only points --sample 0")
	@exec $(VENV)/python -m tests.mutants $(ARGS)

.PHONY: lint
lint: setup-dev ## Check style, types, layering, migrations, generated documents, dashboards and ui/dist
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/python observability/sdk.py check
	@$(VENV)/mypy
	@$(VENV)/lint-imports
	@$(VENV)/python manage.py documents --check --settings config.settings.test
	@$(VENV)/python stack/node.py check

.PHONY: ui
ui: setup-dev ## Build ui/dist, the scripts and the stylesheet of the pages, from ui/src and ui/css
	@$(VENV)/python stack/node.py build

.PHONY: format
format: setup-dev ## Let ruff sort imports and lay out the code
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .
	@$(VENV)/python stack/node.py format

.PHONY: check
check: lint test ## What CI runs: lint and test

.PHONY: requirements
requirements: setup-dev ## Resolve requirements/*.in again (ARGS=--upgrade for newer versions)
	@cd requirements && for name in base local tracing dev node ha backups dashboards delivery releases; do \
	  echo "requirements/$$name.txt"; \
	  UV_CUSTOM_COMPILE_COMMAND="make requirements" ../$(VENV)/uv pip compile --quiet --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links $(ARGS) \
	    $$(case $$name in local|tracing|releases) echo "--constraints base.txt";; dev|ha|backups) echo "--constraints local.txt --overrides overrides.in";; esac) \
	    $$name.in --output-file $$name.txt || exit 1; \
	done

.PHONY: clean
clean: ## Stop the stack, then remove its data, .venv and caches
	@echo "clean: stopping the stack; removing its data, .venv and caches"
	@if [ -x $(VENV)/python ]; then $(VENV)/python -m stack reset --all; fi
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles htmlcov .coverage \
	  ui/node_modules ui/generated .node .grafana
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
