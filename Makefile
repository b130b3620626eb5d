# Every step that a person or a CI job takes. `make help` lists them.

PYTHON ?= python3.11
VENV ?= .venv
EDITION ?= smoke
LEARNER ?= baselines.ppo:make
OUT ?=
SUBMISSION ?= submission
# Where torch comes from. On Linux the default index brings CUDA libraries of several GB;
# TORCH_INDEX=https://download.pytorch.org/whl/cpu brings the CPU build.
TORCH_INDEX ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench

.PHONY: help setup benchmark compare report verify verifier-table baselines test test-slow check format bench calibration \
	learning browser lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## install everything into .venv, once

$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(BIN)/pip install --index-url $(TORCH_INDEX) $$(grep '^torch==' requirements.txt))
	$(BIN)/pip install --disable-pip-version-check -q -r requirements.txt
	$(BIN)/pip install --disable-pip-version-check -q --no-build-isolation --no-deps -e .
	touch $@

$(BENCH_STAMP): requirements-bench.txt $(STAMP)
	$(BIN)/pip install --disable-pip-version-check -q -r requirements-bench.txt
	touch $@

benchmark: setup  ## play and score: EDITION=smoke|lite|full LEARNER=module:function OUT=folder
	$(BIN)/amtlb benchmark --edition $(EDITION) --learner $(LEARNER) $(if $(OUT),--out $(OUT))

# The benchmark's results folder, as `amtlb benchmark` chooses it.
RESULTS = $(or $(OUT),results/$(EDITION)/$(subst :,.,$(patsubst %:make,%,$(LEARNER))))

compare: setup  ## these results beside the published baselines: EDITION= LEARNER= OUT=
	$(BIN)/amtlb compare $(RESULTS) $(notdir $(patsubst %/,%,$(dir $(wildcard artifacts/v1/$(EDITION)/*/SHA256SUMS))))

report: setup  ## a page about these results: EDITION= LEARNER= OUT=
	$(BIN)/amtlb report $(RESULTS)

verify: setup  ## audit and replay a submission: SUBMISSION=folder
	$(BIN)/amtlb verify $(SUBMISSION) --replay

verifier-table: setup  ## the verifier's own test: forged submissions that must fail, valid ones that must pass
	$(BIN)/python -m tests.suite.verify.table

baselines: setup  ## play and publish the reference learners into artifacts/: EDITION=
	set -e; for name in uniform ppo multihead_a2c dqn; do \
		$(BIN)/amtlb benchmark --edition $(EDITION) --learner baselines.$$name:make \
			--out artifacts/v1/$(EDITION)/$$name; \
	done
	$(BIN)/python -m suite.artifacts $(EDITION)

test: setup  ## the tests that every change must pass
	$(BIN)/pytest

browser:  ## install Debian's chromium, in which the report is tested, where there is none
	command -v chromium > /dev/null || \
		(apt-get update -q && apt-get install -q -y --no-install-recommends chromium)

test-slow: setup browser  ## whole editions, broken off or not; controls; simulations; the report in a browser
	$(BIN)/pytest -m slow -n 0 --timeout 1500

test-contained: setup  ## learners in containers, honest and hostile, with an engine of its own, as root
	$(BIN)/pytest -m contained -n 0 --timeout 1500

check: setup  ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCH_STAMP)  ## speed of lanes and learners beside their peers and the floor, scoring, verifying, tracking
	$(BIN)/python -m tests.bench.lanes
	$(BIN)/python -m tests.bench.learners
	$(BIN)/python -m tests.bench.scoring
	$(BIN)/python -m tests.bench.verifying
	$(BIN)/python -m tests.bench.tracking

calibration: setup  ## do intervals cover and are p-values uniform? simulated benchmarks of known truth
	$(BIN)/python -m tests.bench.calibration

learning: setup  ## do the learners learn? 400,000 frames of real games, 3 seeds
	$(BIN)/python -m tests.bench.learning

# CUDA libraries are left out of the locks: torch pins them itself, and its CPU build has none.
CUDA := cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
	nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
	nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx triton
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate \
	$(CUDA:%=--no-emit-package %) pyproject.toml

lock: setup  ## pin the whole tree anew
	$(COMPILE) --extra dev -o requirements.txt
	$(COMPILE) --extra dev --extra bench -o requirements-bench.txt

clean:  ## remove what setup installed
	rm -rf $(VENV) build *.egg-info
