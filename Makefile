# Targets of this project; `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Many tests wait for others, so there are more processes than processors.
PARALLEL := -n $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n * 2))) --dist worksteal

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "omconf needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup
setup: $(READY) ## create .venv with the locked dependencies and omconf itself

.PHONY: demo
demo: setup ## build the examples, plan the first against its example of deployed files, show the result
	@set -e; for spec in examples/*/cluster.yaml; do \
	  $(BIN)/omconf validate $$spec; \
	  $(BIN)/omconf build $$spec -o build/demo/$$(basename $$(dirname $$spec)); \
	done
	@echo
	@echo '$$ omconf plan examples/clustering-page/cluster.yaml --deployed examples/clustering-page/deployed'
	@OM_DB_PASSWORD=not-a-real-password $(BIN)/omconf plan \
	  examples/clustering-page/cluster.yaml --deployed examples/clustering-page/deployed

.PHONY: test
test: setup ## run all tests; real programs that are missing are skipped by name
	$(BIN)/pytest -q $(PARALLEL)

.PHONY: quick
quick: setup ## run the tests that are not slow, with the coverage of branches
	$(BIN)/pytest -q $(PARALLEL) -m "not slow" --cov=omconf --cov-branch --cov-report=term:skip-covered

.PHONY: real
real: setup ## run only the tests that run real programs
	$(BIN)/pytest -q $(PARALLEL) tests/real

.PHONY: hidden-programs
hidden-programs: setup ## run all tests, hide from each what it does not declare (as root, on Debian)
	OMCONF_HIDDEN=each $(BIN)/pytest -q -rfE
	OMCONF_HIDDEN=all $(BIN)/pytest -q -rfE tests/real
	OMCONF_HIDDEN=undeclared OMCONF_NOTHING_SKIPPED=1 $(BIN)/pytest -q $(PARALLEL)

.PHONY: fuzz
fuzz: setup ## mutate specs, deployed files and what nodes send, a million cases or CASES=... of each family
	$(BIN)/python -m tests.fuzz.long_run --cases $(or $(CASES),1000000)

.PHONY: setup-real
setup-real: ## install the real programs that tests run (as root, on Debian)
	apt-get update -q
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends --no-upgrade \
	  $$(cat tests/real/packages.txt)
	mvn --quiet --batch-mode -f tests/real/java package
	$(PYTHON) -m tests.ansible_versions build/ansible
	command -v sops || GOBIN=/usr/local/bin go install github.com/getsops/sops/v3/cmd/sops@v3.8.1
	command -v actionlint || GOBIN=/usr/local/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7

.PHONY: bench
bench: setup ## measure, print a table, write docs/benchmarks.md; QUICK=1, N=10,1000 or SSH=1 measure less
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(N),--nodes $(N)) $(if $(SSH),--ssh)

.PHONY: soak
soak: setup ## kill omconf and the node program at random moments (as root, an hour), write docs/reliability.md
	$(BIN)/python -m tests.soak

.PHONY: lint
lint: setup ## formatting, lint, types, import layers, words, the schemas' freshness
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.words
	$(BIN)/omconf schema | cmp - schemas/cluster.schema.json
	$(BIN)/omconf schema --plan | cmp - schemas/plan.schema.json
	$(BIN)/omconf schema --events | cmp - schemas/events.schema.json
	$(BIN)/omconf schema --markdown | cmp - docs/spec.md

.PHONY: docs
docs: setup ## build the pages of docs/ as a site in build/docs; every warning is an error
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky docs build/docs

.PHONY: pictures
pictures: setup ## write docs/pictures anew from the commands
	$(BIN)/python -m tests.pictures

.PHONY: golden
golden: setup ## write the golden files anew, for a review of their difference
	OMCONF_GOLDEN=1 $(BIN)/pytest -q tests/test_cases.py tests/plan/test_golden.py

.PHONY: schemas
schemas: setup ## write the schemas, the reference in docs/ and the man page from the models and commands
	$(BIN)/omconf schema > schemas/cluster.schema.json
	$(BIN)/omconf schema --plan > schemas/plan.schema.json
	$(BIN)/omconf schema --events > schemas/events.schema.json
	$(BIN)/omconf schema --markdown > docs/spec.md
	$(BIN)/python -m tests.man_page > docs/omconf.1
	$(BIN)/python -m tests.cli_page > docs/cli.md
	$(BIN)/python -m tests.json_page > docs/json.md

.PHONY: diagnostics
diagnostics: setup ## write docs/rules/index.md: all rules, with what omconf says of the bad examples
	$(BIN)/python -m tests.rule_pages > docs/rules/index.md

.PHONY: wheel
wheel: setup ## build the wheel twice and compare, build the examples with it in a clean environment
	$(BIN)/python -m tests.packages build/packages

.PHONY: release
release: setup ## build the last commit's wheel and sdist into dist/, after all checks of them; uploads nothing
	$(BIN)/python -m tests.packages --release build/packages

.PHONY: bounds
bounds: setup ## run tests with the lowest and the newest dependencies on each Python; QUICK=1 runs two of them
	$(BIN)/python -m tests.bounds $(if $(QUICK),--quick) build/bounds

.PHONY: check
check: export CI = true
# Each process would compile all modules anew; output would be written otherwise than users have it.
check: export PYTHONDONTWRITEBYTECODE =
check: export PYTHONUNBUFFERED =
check: setup ## what CI runs: lint, the docs, all tests with nothing skipped or undeclared, the wheel, bounds
	$(MAKE) --jobs 2 hidden-programs beside

# Many tests wait, which leaves room for the rest.
.PHONY: beside
beside: setup
	$(MAKE) lint docs
	$(MAKE) wheel
	$(MAKE) bounds QUICK=1

LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
  --custom-compile-command "make lock"

.PHONY: lock
lock: ## resolve the dependencies anew, the newest and the lowest that are declared (needs uv)
	$(LOCK) pyproject.toml --group dev -o requirements-dev.txt
	$(LOCK) pyproject.toml --group test --resolution lowest-direct -o requirements-lowest.txt
	$(LOCK) --group ansible -o requirements-ansible.txt

.PHONY: clean
clean: ## remove what was made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
