# Every target does its own set-up; `make help` lists them. ARGS adds arguments: make test ARGS='-k hammer -x'
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS ?=

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  ARGS='...' adds arguments (run, test, bench, load, lock); PYTHON=... chooses the Python of a new .venv"

.PHONY: setup
setup: ## Make .venv with locked packages, and install Redis and nginx when missing
	@infra/setup.sh run

.PHONY: run
run: setup ## Start the whole platform on this machine, with demo shows
	@exec $(BIN)/blytz up --demo $(ARGS)

.PHONY: setup-test
setup-test:
	@infra/setup.sh test

.PHONY: test
test: setup-test ## Run the everyday tests: real Redis, real sockets, real processes
	@exec $(BIN)/pytest -n auto --dist loadgroup $(ARGS)

.PHONY: test-tls
test-tls: ## Get and renew a certificate from a local certificate authority
	@infra/setup.sh tls
	@exec $(BIN)/pytest -m tls tests/tls $(ARGS)

.PHONY: test-firebase
test-firebase: setup-test ## Sign in through the real Firebase Auth emulator (installs it with npm: minutes, once)
	@exec $(BIN)/pytest -m firebase tests/firebase $(ARGS)

.PHONY: test-video
test-video: setup-test ## Watch the video of a show in two browsers, by a real LiveKit (built with Go: minutes, once)
	@infra/setup_video.sh
	@exec $(BIN)/pytest -m video tests/video $(ARGS)

.PHONY: soak
soak: setup-test ## Run the long tests: hundreds of kills and freezes under load
	@exec env HYPOTHESIS_PROFILE=soak $(BIN)/pytest -m soak $(ARGS)

.PHONY: check
check: ## Lint, format, types, import contracts, Lua and shell scripts
	@infra/setup.sh check
	@infra/check.sh

.PHONY: format
format: ## Format the Python code, with the fixes of ruff
	@infra/setup.sh check
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: specs
specs: ## Write the generated files of specs/
	@infra/setup.sh check
	@$(BIN)/python -m infra.specs write

.PHONY: bench
bench: setup-test ## Measure, and print one table
	@exec $(BIN)/python -m bench $(ARGS)

.PHONY: load
load: ## Load a platform with fifty bidders of k6; fails when a threshold is missed
	@infra/setup_load.sh
	@exec $(BIN)/python -m infra.load $(ARGS)

.PHONY: lock
lock: ## Write requirements/*.txt; ARGS=--upgrade takes newer versions
	@infra/lock.sh $(ARGS)
