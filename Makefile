# The workshop's table of contents: what can be done here, one line each. The work is done by the
# scripts in tools/ and by the two programs of this repository, `wiregen` and `conform`. Every
# target sets up what it needs; a warm set-up does nothing.
#
#   ONLY=go,rust   restrict setup, fmt, lint, test and conformance to some languages
#   CASE=GLOB      restrict conformance to some cases
#   REQUIRE=all    a language whose toolchain cannot be had is a failure, not a note; so is a program
#                  that some tests need (Chromium)
#   PYTHON=...     the Python (3.11 or newer) that .venv is made from

PYTHON ?= python3
BIN := .venv/bin
RELEASED := released/1.1
WORK := $(PYTHON) tools/work.py
WITH_ALL := $(PYTHON) tools/toolchains.py exec all
WHERE_TESTEES := .toolchains/testees.json
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export REQUIRE DOTNET_TOOLCHAIN

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

# --- set up ---------------------------------------------------------------------------------------
.PHONY: setup setup-python setup-node setup-go setup-rust setup-dotnet toolchains lock
setup: ## everything that the languages of ONLY need (all by default)
	@$(WORK) setup --only "$(ONLY)"

setup-python: ## .venv, the one Python environment
	@$(PYTHON) tools/setup_python.py

setup-node: ## Node packages (and Node, when it is not on PATH)
	@$(WORK) setup --only typescript

setup-go: ## Go modules (and Go, when it is not on PATH)
	@$(WORK) setup --only go

setup-rust: ## crates
	@$(WORK) setup --only rust

setup-dotnet: ## NuGet packages (and the SDK, when it is not on PATH)
	@$(WORK) setup --only dotnet

toolchains: ## which toolchains there are, and how to get the missing ones
	@$(PYTHON) tools/toolchains.py

lock: ## write requirements/*.lock from requirements/*.in again
	@$(PYTHON) tools/setup_python.py --lock

# --- change ---------------------------------------------------------------------------------------
.PHONY: generate admin-client freeze fmt
freeze: setup-python ## keep spec/ as a released version (RELEASED names the one to compare with)
	@$(BIN)/wiregen freeze

generate: setup ## print the wire rooms, vectors and tables from spec/
	@$(WITH_ALL) $(BIN)/wiregen generate

admin-client: setup-python ## print the client of the admin REST from the server's OpenAPI document
	@$(BIN)/python tools/admin_client.py

fmt: ## format the hand-written code
	@$(WORK) fmt --only "$(ONLY)"

# --- check ----------------------------------------------------------------------------------------
.PHONY: check lint sizes rooms rules where
check: setup ## generated code up to date, spec sound, rules covered, sizes, imports, style
	@$(BIN)/wiregen lint
	@$(WITH_ALL) $(BIN)/wiregen check
	@$(BIN)/wiregen diff $(RELEASED)
	@$(BIN)/conform lint
	@$(BIN)/conform coverage
	@$(MAKE) rules sizes rooms lint

lint: ## format and linters of every language
	@$(WORK) lint --only "$(ONLY)"

sizes: ## no file or function that is too long to be read
	@$(PYTHON) tools/sizes.py

rooms: ## imports go only downwards, from room to room
	@$(PYTHON) tools/rooms.py

rules: ## which test, in which language, holds which rule of spec/behaviour.md
	@$(PYTHON) tools/rules.py

where: ## RULE=REQ-TURN-07: its sentence, code, tests and cases
	@$(PYTHON) tools/rules.py --where "$(RULE)"

# --- test -----------------------------------------------------------------------------------------
.PHONY: test test-python test-typescript test-go test-dotnet test-rust
test: ## every test of every language
	@$(WORK) test --only "$(ONLY)"

test-python: ## the tests of generator, harness, client, server and workshop
	@$(WORK) test --only python

test-typescript: ## the tests of the TypeScript client
	@$(WORK) test --only typescript

test-go: ## the tests of the Go client
	@$(WORK) test --only go

test-dotnet: ## the tests of the .NET client
	@$(WORK) test --only dotnet

test-rust: ## the tests of the Rust client
	@$(WORK) test --only rust

# --- prove ----------------------------------------------------------------------------------------
.PHONY: conformance cuts testees ranges mutate pair fuzz
conformance: testees ## the main job: every case against every client, all five equal
	@$(BIN)/conform run --testees $(WHERE_TESTEES) $(if $(CASE),--cases "$(CASE)")

cuts: testees ## each case with its link cut at every frame in turn, for the five clients: EVERY=40 for a sample
	@$(BIN)/conform run --axes cut --testees $(WHERE_TESTEES) --out conformance/out/cuts $(if $(CASE),--cases "$(CASE)") $(if $(EVERY),--every $(EVERY))

testees: setup-python ## build the five testees and list them in .toolchains/testees.json
	@$(PYTHON) tools/testees.py --only "$(ONLY)"

ranges: setup-python ## the Python client on the oldest and newest libraries that it allows
	@$(PYTHON) tools/ranges.py $(if $(CASE),--cases "$(CASE)")

mutate: setup-python ## the harness against broken clients: each must be caught
	@$(BIN)/conform mutate

fuzz: testees ## random sessions against the five clients: SEED=7 RUNS=500, CUTS=1 cuts their links
	@$(BIN)/conform fuzz --testees $(WHERE_TESTEES) $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(if $(CUTS),--cuts)

.PHONY: fuzz-wiregen
fuzz-wiregen: setup-python ## random documents through the generator, each twice: N=100000 SEED=1 START=0
	@cd codegen && $(CURDIR)/$(BIN)/python -m tests.fuzz $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED)) $(if $(START),--start $(START))

.PHONY: walk-wiregen
walk-wiregen: setup-python ## every value of every file of a specification by one of the wrong kind
	@WIREGEN_WALK=all $(BIN)/pytest -q codegen/tests/test_wrong_types.py

pair: testees ## the five clients against the reference server
	@$(BIN)/conform pair --testees $(WHERE_TESTEES)

.PHONY: kits
kits: setup-python ## the five clients against the fake server of each testing kit: ONLY=go CLIENTS=python,go
	@$(PYTHON) tools/testees.py --only "$(CLIENTS)"
	@$(BIN)/python tools/kits.py --only "$(ONLY)" --testees $(WHERE_TESTEES) $(if $(CLIENTS),--clients "$(CLIENTS)")

.PHONY: pair-stores
pair-stores: testees ## the five clients against the reference server on SQLite, PostgreSQL and two servers: ONLY_STORE=two
	@$(BIN)/python tools/server_levels.py $(if $(ONLY_STORE),--only $(ONLY_STORE)) --pair --testees $(WHERE_TESTEES)

.PHONY: levels
levels: setup-python ## every check of `conform server` on the reference server: SQLite, PostgreSQL, two servers: ONLY_STORE=two QUICK=1
	@$(BIN)/python tools/server_levels.py $(if $(ONLY_STORE),--only $(ONLY_STORE)) $(if $(QUICK),--quick)

.PHONY: behind-proxy
behind-proxy: testees ## idle conversations behind nginx (has to be there) in the five clients
	@$(BIN)/python tools/behind_proxy.py --testees $(WHERE_TESTEES)

.PHONY: server-restart
server-restart: testees ## a server that is killed in mid-turn and comes back, for the five clients
	@$(BIN)/python tools/server_restart.py --testees $(WHERE_TESTEES)

.PHONY: proxy-cuts
proxy-cuts: testees ## 1,000 links cut at random points of 200 sessions, for the five clients: SESSIONS=10 CUTS=50 SEED=7 TESTEE=go
	@$(BIN)/python tools/cuts.py --testees $(WHERE_TESTEES) $(if $(SESSIONS),--sessions $(SESSIONS)) $(if $(CUTS),--cuts $(CUTS)) $(if $(SEED),--seed $(SEED)) $(if $(TESTEE),--testee $(TESTEE))

.PHONY: server-soak
server-soak: setup-python ## 200 turns at once with confirmations, cancels and cuts; then what the server still holds: SECONDS=300
	@$(BIN)/python tools/server_soak.py $(if $(SECONDS),--seconds $(SECONDS)) $(if $(TALKS),--talks $(TALKS))

.PHONY: server-kills
server-kills: setup-python ## servers killed at random moments of many conversations, on SQLite, PostgreSQL, two servers: KILLS=50
	@$(BIN)/python tools/server_kills.py $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)")

.PHONY: bench
bench: setup ## streamed tokens in five languages against bare read loops: LANGUAGES="go rust"
	@$(WITH_ALL) $(BIN)/python bench/stream/run.py $(LANGUAGES) $(BENCH)

.PHONY: bench-outage
bench-outage: setup-python ## thousands of clients that seek their links after an outage, in simulated time
	@$(BIN)/python bench/outage.py $(BENCH)

.PHONY: eval
eval: setup-python ## how well the server finds documents: recall@5 and MRR of a committed set
	@$(BIN)/python python/server/evals/retrieval.py $(EVAL)

.PHONY: test-model
test-model: setup-python ## the server with real weights on this machine (llama.cpp, MiniLM; 350 MB): PYTEST="-k cancel"
	@$(PYTHON) tools/real_models.py $(PYTEST)

.PHONY: first-run
first-run: setup-python ## wheels into an empty environment, --demo with its start-up time, five quickstarts: ONLY="go rust"
	@$(BIN)/python tools/first_run.py $(if $(ONLY),--only "$(ONLY)")

.PHONY: bench-server
bench-server: setup-python ## the reference server against a bare Starlette that sends the same frames
	@$(BIN)/python bench/server/run.py $(BENCH)

.PHONY: playground
playground: setup-python setup-node ## build the page that smooth-operator-server shows at /
	@$(PYTHON) tools/toolchains.py exec node npm run --silent build -w @smooai/smooth-operator-playground

.PHONY: docs
docs: setup-python ## guides in five languages and the protocol reference as a static site in site/
	@$(BIN)/python tools/guides.py .toolchains/guide
	@$(BIN)/wiregen docs --out site --pages .toolchains/guide

.PHONY: dist
dist: setup ## everything that is published, into dist/: built, read, tried in empty projects: TRY=no to build alone
	@$(BIN)/python tools/dist.py --only "$(ONLY)" $(if $(filter no,$(TRY)),--no-try)

.PHONY: dist-typescript
dist-typescript: setup-node ## the npm package: read, compiled in every module mode, bundled and run
	@$(PYTHON) tools/dist_typescript.py

# --- try ------------------------------------------------------------------------------------------
.PHONY: demo clean
demo: setup-python ## serve the demonstration and chat with it here
	@$(PYTHON) tools/demo.py

clean: ## remove what was built; toolchains and environments stay (make clean ALL=1: those too)
	@$(PYTHON) tools/clean.py $(if $(ALL),--all)
