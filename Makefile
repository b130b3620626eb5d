# Every step that a person or a CI job takes. `make help` lists them.

# The first of these that the pins allow, better with venv than without, unless PYTHON names one; an existing .venv
# keeps its own.
PYTHONS := python3.11 python3.12 python3.13 python3
find = $(firstword $(shell for python in $(PYTHONS); do $$python -c \
	'import sys$(1); sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null && echo $$python; done; true))
PYTHON ?= $(or $(call find,$(comma) ensurepip),$(call find))
comma := ,
VENV ?= .venv
# Where learners compute: cpu or cuda. It also says which build of torch .venv has: the CPU one unless there is a
# GPU; `make setup DEVICE=` switches.
DEVICE ?=
EDITION ?= smoke
LEARNER ?= baselines.ppo:make
OUT ?=
SUBMISSION ?= submission
# Where torch's CPU build comes from, in place of https://download.pytorch.org/whl/cpu.
TORCH_INDEX ?=
# Results lie below this folder; in the image it is /out.
AMTLB_RESULTS ?= results
# The image: VARIANT=cpu|cuda; IMAGE_BASE, with Python 3.11 and make, in place of the Dockerfile's two bases.
VARIANT ?= cpu
DOCKER ?= docker
IMAGE_BASE ?=
# The fresh system of `make test-fresh`: bookworm, with Python 3.11, or trixie, with Python 3.13.
DEBIAN ?= trixie

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
# The tools of the site have an environment of their own, so that .venv does not grow.
SITE_VENV ?= build/site-venv
SITE_STAMP := $(SITE_VENV)/.installed

.PHONY: help setup benchmark compare report verify verify-baselines verifier-table baselines pages test test-slow test-long \
	check format bench calibration learning self-transfer pilot flavours transfer-search kills browser lock wheelhouse image sbom engine test-image test-contained \
	test-fresh site site-tools clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP)  ## install everything into .venv, once: DEVICE=cpu|cuda TORCH_INDEX=

# .venv keeps its build of torch until `make setup DEVICE=` asks for the other, or DEVICE=cuda needs CUDA's, which
# computes on the CPU, too.
TORCH = $(if $(wildcard $(STAMP)),$(if $(shell grep -l '^cuda.*= None' $(VENV)/lib/python3.*/site-packages/torch/version.py),cpu,cuda))
ASKED = $(if $(filter setup,$(MAKECMDGOALS)),$(or $(DEVICE),$(TORCH_INDEX:%=cpu)),$(filter cuda,$(DEVICE)))
INSTALLER = $(or $(shell $(BIN)/python -c '' 2> /dev/null && echo $(BIN)/python),$(PYTHON),$(error \
	no Python from 3.11 to 3.13 was found: `sudo apt-get install python3 python3-venv` on Debian and Ubuntu, or name one with PYTHON=))

$(STAMP): requirements.txt pyproject.toml $(if $(filter-out $(TORCH),$(ASKED)),FORCE)
	@rm -f $@
	@$(INSTALLER) install.py $(VENV) --device '$(DEVICE)' --torch-index '$(TORCH_INDEX)' --cuda-packages '$(CUDA)'
	@touch $@

FORCE:

$(BENCH_STAMP): requirements-bench.txt $(STAMP)
	$(BIN)/pip install --disable-pip-version-check -q -r requirements-bench.txt
	touch $@

# A word of the shell, whatever is in it; ~ is the home folder, as in the shell.
quoted = '$(subst ','\'',$(if $(filter ~/%,$(firstword $(1))),$(HOME)$(subst ^~,,^$(1)),$(1)))'

benchmark: setup  ## play and score: EDITION=smoke|lite|full LEARNER=module:function OUT=folder DEVICE=cpu|cuda
	$(BIN)/amtlb benchmark --edition $(EDITION) --learner $(LEARNER) $(if $(OUT),--out $(call quoted,$(OUT))) \
		$(if $(DEVICE),--device $(DEVICE))

# The benchmark's results folder, as `amtlb benchmark` chooses it.
RESULTS = $(call quoted,$(or $(OUT),$(AMTLB_RESULTS)/$(EDITION)/$(subst :,.,$(patsubst %:make,%,$(LEARNER)))))

compare: setup  ## these results next to the published baselines: EDITION= LEARNER= OUT=
	$(BIN)/amtlb compare $(RESULTS) $(notdir $(patsubst %/,%,$(dir $(wildcard artifacts/v1/$(EDITION)/*/SHA256SUMS))))

report: setup  ## a page about these results: EDITION= LEARNER= OUT=
	$(BIN)/amtlb report $(RESULTS)

verify: setup  ## audit and replay a submission: SUBMISSION=folder
	$(BIN)/amtlb verify $(call quoted,$(SUBMISSION)) --replay

site-tools: $(SITE_STAMP)  ## install the tools of the site into build/site-venv

$(SITE_STAMP): requirements-site.txt $(STAMP)
	$(BIN)/python -m venv --clear --without-pip $(SITE_VENV)
	$(BIN)/pip --python $(SITE_VENV)/bin/python install --disable-pip-version-check -q --require-hashes -r $<
	touch $@

site: setup site-tools  ## docs, leaderboards, reports and episodes as static pages in build/site/html
	$(BIN)/python -m suite.release.site build/site/source
	NO_MKDOCS_2_WARNING=1 $(SITE_VENV)/bin/mkdocs build -q --clean
	@echo "written to build/site/html/index.html"

# SAMPLE=0.01 plays that share of each run's episodes only, always the same ones.
BASELINES = $(or $(patsubst %/SHA256SUMS,%,$(wildcard artifacts/v1/$(EDITION)/*/SHA256SUMS)),$(error \
	no baseline of edition '$(EDITION)' is published))

verify-baselines: setup  ## audit the published baselines and replay every episode: EDITION= SAMPLE=
	set -e; for folder in $(BASELINES); do \
		$(BIN)/amtlb verify $$folder \
			$(if $(SAMPLE),--sample $(SAMPLE) --seed 0,--replay --finished build/replayed/$${folder#artifacts/}); \
	done

verifier-table: setup  ## the verifier's own test: forged submissions that must fail, valid ones that must pass
	$(BIN)/python -m tests.suite.verify.table

baselines: setup  ## play and publish the reference learners into artifacts/: EDITION=
	set -e; for name in uniform ppo ppo_reset multihead_a2c dqn; do \
		$(BIN)/amtlb benchmark --edition $(EDITION) --learner baselines.$$name:make \
			--out artifacts/v1/$(EDITION)/$$name; \
	done
	$(BIN)/python -m suite.release.baselines $(EDITION)

pages: setup  ## write what is generated in docs/: the schemas, and the tables of results.md
	$(BIN)/python -m suite.release.schemas
	$(BIN)/python -m suite.release.results_page

test: setup  ## the tests that every change must pass
	$(BIN)/pytest

browser:  ## install Debian's chromium, in which the report is tested, where there is none
	command -v chromium > /dev/null || \
		(apt-get update -q && apt-get install -q -y --no-install-recommends chromium)

test-slow: setup browser site-tools  ## whole editions, broken off or not; hostile input; report and site in a browser
	$(BIN)/pytest -m "slow and not long" -n 2 --timeout 1500

test-long: setup  ## what takes many minutes: controls that train on real games, simulations of intervals and p-values
	$(BIN)/pytest -m "long and not image and not fresh and not contained" -n 2 --timeout 2400

test-contained: setup engine  ## learners in containers, honest and hostile, with an engine of its own, as root
	$(BIN)/pytest -m contained -n 0 --timeout 1500

check: setup  ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy install.py
	$(BIN)/hadolint Dockerfile docs/submission/Dockerfile

format: setup  ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCH_STAMP)  ## speed of lanes and learners next to their peers and the limit, of scoring, verifying, tracking, export, snapshots
	$(BIN)/python -m tests.bench.lanes
	$(BIN)/python -m tests.bench.learners
	$(BIN)/python -m tests.bench.scoring
	$(BIN)/python -m tests.bench.verifying
	$(BIN)/python -m tests.bench.tracking
	$(BIN)/python -m tests.bench.exporting
	$(BIN)/python -m tests.bench.snapshots

calibration: setup  ## do intervals cover and are p-values uniform? simulated benchmarks of known truth
	$(BIN)/python -m tests.bench.calibration
	$(BIN)/python -m tests.bench.retraining

learning: setup  ## do the learners learn? 400,000 frames of real games, 3 seeds
	$(BIN)/python -m tests.bench.learning

kills: setup  ## runs that are killed at random moments and started again, compared with unbroken ones
	$(BIN)/python -m tests.bench.kills

self-transfer: setup  ## the ceiling of transfer: learners of lite play a game again as themselves; play what is missing
	$(BIN)/python -m tests.bench.self_transfer

pilot: setup  ## the pilot that chose the games of lite: play what is missing of it, write docs/lite_pilot.md
	$(BIN)/python -m tests.bench.pilot

flavours: setup  ## the choice of games and modes for near transfer: measure and play what is missing, write docs/flavours_pilot.md
	$(BIN)/python -m tests.bench.flavours

transfer-search: setup  ## the search for a learner that transfers: play what is missing of it, write docs/transfer_search.md
	$(BIN)/python -m tests.bench.transfer_search

# CUDA libraries are left out of the locks: torch pins them itself, and its CPU build has none.
CUDA := cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
	nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
	nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx triton
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate \
	$(CUDA:%=--no-emit-package %) pyproject.toml

# The image holds exactly the files whose hashes are locked, one lock a variant: torch's CPU build is another file
# than PyPI's, from TORCH_INDEX or from where pip is told to look for files.
IMAGE_COMPILE = $(BIN)/uv pip compile -q --python-platform x86_64-manylinux_2_28 --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --constraint requirements.txt --extra test pyproject.toml
TORCH_SOURCE = $(if $(TORCH_INDEX),--index $(TORCH_INDEX) --index-strategy unsafe-best-match,$(PIP_FIND_LINKS:%=--find-links %))

lock: setup  ## pin the whole tree again: TORCH_INDEX= for the CPU build of torch
	$(COMPILE) --extra dev -o requirements.txt
	$(COMPILE) --extra dev --extra bench -o requirements-bench.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group site -o requirements-site.txt
	$(IMAGE_COMPILE) -o requirements-cuda.txt
	sed -n 's/^torch==[0-9.]*/&+cpu/p' requirements.txt | $(IMAGE_COMPILE) $(TORCH_SOURCE) - -o requirements-cpu.txt

WHEELHOUSE := build/wheelhouse/$(VARIANT)

wheelhouse: $(WHEELHOUSE)/.complete  ## fetch the files that the image is built from: VARIANT=cpu|cuda TORCH_INDEX=

$(WHEELHOUSE)/.complete: requirements-$(VARIANT).txt $(STAMP)
	rm -rf $(WHEELHOUSE)
	@$(BIN)/pip download --disable-pip-version-check -q --no-deps --require-hashes -d $(WHEELHOUSE) \
		$(TORCH_INDEX:%=--extra-index-url %) -r requirements-$(VARIANT).txt
	touch $@

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE = amtlb:$(VERSION)-$(VARIANT)

image: wheelhouse  ## build amtlb:VERSION-VARIANT, without a network: VARIANT=cpu|cuda IMAGE_BASE=
	DOCKER_BUILDKIT=1 $(DOCKER) build --network none --tag $(IMAGE) --iidfile build/image-$(VARIANT).id \
		--build-arg VARIANT=$(VARIANT) --build-arg VERSION=$(VERSION) \
		--build-arg COMMIT=$$($(BIN)/python -c 'from suite.machine import code_commit; print(code_commit() or "")') \
		--build-arg EDITION_DIGESTS=$$($(BIN)/python -c 'from protocol import load; print(*map("=".join, load("v1").edition_digests.items()), sep=",")') \
		$(if $(IMAGE_BASE),--build-arg BASE=$(IMAGE_BASE) --build-arg BUILDER=$(IMAGE_BASE)) .
	$(BIN)/python -m suite.release.image $(VARIANT) $(IMAGE) > build/image-$(VARIANT).json

# The tool is lent to the image, in which it reads the packages and their licences.
SITE = $(patsubst $(VENV)/%,%,$(firstword $(wildcard $(VENV)/lib/python3.*/site-packages)))
CYCLONEDX = import runpy, sys; sys.path.append("/tools"); runpy.run_module("cyclonedx_py", None, "__main__", True)

sbom: setup  ## the software bill of materials of the packages in the image that `make image` built: VARIANT=cpu|cuda
	$(DOCKER) run --rm --network none --entrypoint python -v $(abspath $(VENV))/$(SITE):/tools:ro $(IMAGE) \
		-c '$(CYCLONEDX)' environment --pyproject pyproject.toml --output-reproducible .venv \
		> build/sbom-$(VARIANT).cdx.json

engine:  ## install Debian's Docker engine and debootstrap, with which the image is tested, where there is none
	(command -v dockerd && command -v debootstrap) > /dev/null || \
		(apt-get update -q && apt-get install -q -y --no-install-recommends docker.io debootstrap)

# `make test-image IMAGE_TESTS=image` also plays all of `make benchmark` and runs all of `make test` in the image,
# IMAGE_TESTS='(contained or image) and not long' also runs most of `make test-contained`. `make test-fresh
# FRESH_TESTS=fresh` also plays all of `make benchmark`.
IMAGE_TESTS ?= image and not long
FRESH_TESTS ?= fresh and not long

test-image: setup engine  ## build the image with an engine of its own, as root, and play in it
	$(BIN)/pytest -m "$(IMAGE_TESTS)" -n 0 --timeout 1500

test-fresh: setup engine  ## do what README says in a fresh Debian, made of its packages; needs root: DEBIAN=bookworm|trixie
	AMTLB_TEST_DEBIAN=$(DEBIAN) $(BIN)/pytest -m "$(FRESH_TESTS)" -n 0 --timeout 1500 -rP

clean:  ## remove what setup and site-tools installed; the rest of build/ (images' files, pages, replays) stays
	rm -rf $(VENV) $(SITE_VENV) *.egg-info
