# `make help` lists the targets. Set-up leaves a stamp for each stage, named after the content of what the stage
# was made of: nothing is done again until that changes, and a stage that was interrupted has no stamp.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(shell command -v python3.11) python3)
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
# A directory with annotations/instances_{train,val}2017.json, train2017/ and val2017/, for `make demo`.
COCO ?=
# A directory with JPEG files, for `make bench`.
IMAGES ?= $(firstword $(wildcard ../shared/data/coco-mini/train2017) demo/shapes/train)

# Examples of each random test, for `make explore`, in multiples of those of `make test`.
TIMES ?= 10

# deeplake is kept from reporting its use to its makers.
export BUGGER_OFF := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1

CONSTRAINTS := requirements/constraints-mmdet2.txt
key = $(shell cat $(1) | sha256sum | cut -c1-16)
BASE_STAMP := $(STAMPS)/base-$(call key,$(CONSTRAINTS) requirements/base.txt)
SDISTS_STAMP := $(STAMPS)/sdists-$(call key,$(CONSTRAINTS) requirements/base.txt requirements/sdists.txt)
REST_STAMP := $(STAMPS)/rest-$(call key,$(CONSTRAINTS) requirements/base.txt requirements/sdists.txt requirements/rest.txt)
EXTENSION_KEY := $(call key,pyproject.toml CMakeLists.txt tools/extension.sh tools/libjpeg-turbo.sh $$(find csrc -type f | sort))
# One editable wheel, which each environment installs.
WHEEL := build/editable
WHEEL_STAMP := $(STAMPS)/wheel-$(EXTENSION_KEY)
EXTENSION_STAMP := $(STAMPS)/extension-$(EXTENSION_KEY)

# A second environment: numpy 2, a later torch, nothing of deeplake 3 or MMDetection.
VENV2 := .venv-numpy2
NUMPY2_STAMP := $(STAMPS)/numpy2-$(call key,requirements/numpy2.txt)
NUMPY2_EXTENSION_STAMP := $(subst /extension-,/extension2-,$(EXTENSION_STAMP))
# deeplake 3 and 4 exclude each other: the tests of Deep Lake 4 have an environment and a build of their own.
VENV4 := .venv-v4
CONSTRAINTS4 := requirements/constraints-lake4.txt
LAKE4_STAMP := $(STAMPS)/lake4-$(call key,$(CONSTRAINTS4) requirements/lake4.txt)
LAKE4_EXTENSION_STAMP := $(subst /extension-,/extension4-,$(EXTENSION_STAMP))
# Lightning, Accelerate and others that take penstock's loader. What of them is large is installed by `make nightly`.
VENVF := .venv-frameworks
CONSTRAINTSF := requirements/constraints-frameworks.txt
FRAMEWORKS_STAMP := $(STAMPS)/frameworks-$(call key,$(CONSTRAINTSF) requirements/frameworks.txt)
FRAMEWORKS_EXTENSION_STAMP := $(subst /extension-,/extensionf-,$(EXTENSION_STAMP))
FRAMEWORKS_NIGHTLY_STAMP := $(STAMPS)/nightlyframeworks-$(call key,$(CONSTRAINTSF) requirements/frameworks.txt requirements/frameworks-nightly.txt)

# MMDetection 3 and 2 exclude each other.
VENV3 := .venv-mmdet3
CONSTRAINTS3 := requirements/constraints-mmdet3.txt
MMDET3_BASE_STAMP := $(STAMPS)/mmdet3base-$(call key,$(CONSTRAINTS3) requirements/mmdet3-base.txt)
MMDET3_STAMP := $(STAMPS)/mmdet3-$(call key,$(CONSTRAINTS3) requirements/mmdet3-base.txt requirements/mmdet3.txt)
MMDET3_EXTENSION_STAMP := $(subst /extension-,/extension3-,$(EXTENSION_STAMP))

# mmcv's operators serve tests and demonstrations on a CPU: half of the time to compile them goes into optimising.
MMCV_FLAGS := -O1 -g0

CPP_FILES = $(shell git ls-files '*.h' '*.cpp')

STEP := tools/step.sh
PIP_INSTALL := $(BIN)/python -m pip install --no-input --constraint $(CONSTRAINTS)
# A stage's stamps go before it begins: what they stand for is about to change.
begin = rm -f $(STAMPS)/$(1)-*

.PHONY: help setup setup-mmdet3 environments demo test azurite nightly explore lint format bench clean distclean system-packages libjpeg-turbo

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: $(EXTENSION_STAMP) ## Install all that the other targets need: system packages, .venv, the extension

setup-mmdet3: $(MMDET3_EXTENSION_STAMP) ## Install MMDetection 3 with penstock into .venv-mmdet3

environments: setup $(NUMPY2_EXTENSION_STAMP) $(LAKE4_EXTENSION_STAMP) $(FRAMEWORKS_EXTENSION_STAMP) setup-mmdet3 ## Those of the tests too: numpy 2, Deep Lake 4, frameworks, MMDetection 3

demo: setup ## Train and evaluate a detector: on shapes, or with COCO=<directory> on COCO files
	@$(BIN)/python examples/demo.py $(if $(COCO),--coco $(COCO))

test: environments ## Run every check and every test, C++ and Python
	@tools/run-tests.sh $(VENV) $(VENV2) $(VENV4) $(VENVF) $(VENV3)

azurite: ## Install Azure's emulator (needs npm, takes 400 MB): the tests then use it
	@npm install --no-audit --no-fund --prefix build/azurite azurite@3.37.0

nightly: test $(FRAMEWORKS_NIGHTLY_STAMP) ## What `make test` leaves out: all C++ under tsan, whole sweeps, long benchmarks, generated COCO pictures, Ray, Transformers
	@source tools/ccache.sh; export PATH="$(abspath $(BIN)):$$PATH"; cmake --preset tsan-all && \
		cmake --build build/tsan-all && ctest --preset tsan-all --parallel "$$(nproc)"
	@PENSTOCK_COCO=generated $(BIN)/python -m pytest tests/parity tests/transforms tests/mmdet tests/cli
	@PENSTOCK_NIGHTLY=1 $(BIN)/python -m pytest tests/robustness tests/benchmarks tests/tutorials
	@PENSTOCK_NIGHTLY=1 $(VENV3)/bin/python -m pytest tests/mmdet3/test_tools.py tests/mmdet3/test_tutorial.py
	@tools/framework-tests.sh $(VENVF) nightly

explore: setup ## Try random tests on other examples than `make test` does, TIMES=<n> times as many
	@PENSTOCK_EXPLORE=$(TIMES) $(BIN)/python -m pytest $$(grep -rl --include='test_*.py' 'import.* given' tests)

lint: setup ## Run ruff, clang-format and mypy alone
	@$(BIN)/ruff check . && $(BIN)/clang-format --dry-run --Werror $(CPP_FILES) && $(BIN)/mypy

format: setup ## Bring C++ into the format that `make lint` checks
	@$(BIN)/clang-format -i $(CPP_FILES)

bench: setup ## Compare decoding speeds on the JPEG files of IMAGES=<directory>
	@$(BIN)/python benchmarks/make_dataset.py $(IMAGES) build/bench-dataset
	@$(BIN)/python benchmarks/decode.py build/bench-dataset

clean: ## Remove what was built and made; keep .venv
	rm -rf build demo dist .pytest_cache .mypy_cache .ruff_cache .hypothesis $(STAMPS)/extension* $(STAMPS)/wheel*

distclean: clean ## Remove .venv too
	rm -rf $(VENV) $(VENV2) $(VENV4) $(VENVF) $(VENV3) $(STAMPS)

$(VENV)/.created: | system-packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "penstock needs Python 3.10 or later: make PYTHON=...")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
		$(STEP) $(STAMPS)/logs/venv.log "Virtual environment $(VENV), with $(PYTHON)" $(PYTHON) -m venv --clear $(VENV)
	@touch $@

system-packages:
	@tools/system-packages.sh $(PYTHON)

libjpeg-turbo: | system-packages
	@tools/libjpeg-turbo.sh --check || \
		$(STEP) $(STAMPS)/logs/libjpeg-turbo.log "libjpeg-turbo 3, to be built in" tools/libjpeg-turbo.sh || \
		echo "warning: the system's libjpeg is used instead: some damaged JPEGs come out otherwise than with Pillow" >&2

$(BASE_STAMP): $(VENV)/.created
	@$(call begin,base)
	@$(STEP) $(STAMPS)/logs/base.log "torch and build tools (a download of up to 3 GB)" \
		$(PIP_INSTALL) --requirement requirements/base.txt
	@touch $@

$(SDISTS_STAMP): $(BASE_STAMP)
	@$(call begin,sdists)
	@$(STEP) $(STAMPS)/logs/sdists.log "mmcv-full and deeplake (once: 5 minutes of compiling on 2 cores)" \
		env CFLAGS="$(MMCV_FLAGS)" $(PIP_INSTALL) --no-build-isolation --requirement requirements/sdists.txt
	@touch $@

$(REST_STAMP): $(SDISTS_STAMP)
	@$(call begin,rest)
	@$(STEP) $(STAMPS)/logs/rest.log "MMDetection, test tools" \
		$(PIP_INSTALL) --requirement requirements/rest.txt
	@touch $@

$(WHEEL_STAMP): $(BASE_STAMP) | system-packages libjpeg-turbo
	@$(call begin,wheel)
	@$(STEP) $(STAMPS)/logs/wheel.log "penstock's extension" tools/extension.sh $(VENV) $(WHEEL)
	@touch $@

# $(call install_wheel,VENV): whatever of penstock is there is replaced, also by the same version.
install_wheel = $(1)/bin/python -m pip install --no-input --no-deps --force-reinstall $(WHEEL)/penstock-*.whl

$(EXTENSION_STAMP): $(REST_STAMP) $(WHEEL_STAMP)
	@$(call begin,extension)
	@$(STEP) $(STAMPS)/logs/extension.log "penstock, for $(VENV)" $(call install_wheel,$(VENV))
	@touch $@

$(NUMPY2_STAMP): | system-packages
	@$(call begin,numpy2)
	@$(STEP) $(STAMPS)/logs/numpy2.log "Virtual environment $(VENV2), with numpy 2" \
		bash -c '$(PYTHON) -m venv --clear $(VENV2) && $(VENV2)/bin/python -m pip install --no-input --requirement requirements/numpy2.txt'
	@touch $@

$(NUMPY2_EXTENSION_STAMP): $(NUMPY2_STAMP) $(WHEEL_STAMP)
	@$(call begin,extension2)
	@$(STEP) $(STAMPS)/logs/extension2.log "penstock, for $(VENV2)" $(call install_wheel,$(VENV2))
	@touch $@

$(LAKE4_STAMP): | system-packages
	@$(call begin,lake4)
	@$(STEP) $(STAMPS)/logs/lake4.log "Virtual environment $(VENV4), with deeplake 4" \
		bash -c '$(PYTHON) -m venv --clear $(VENV4) && $(VENV4)/bin/python -m pip install --no-input --constraint $(CONSTRAINTS4) --requirement requirements/lake4.txt'
	@touch $@

$(LAKE4_EXTENSION_STAMP): $(LAKE4_STAMP) $(WHEEL_STAMP)
	@$(call begin,extension4)
	@$(STEP) $(STAMPS)/logs/extension4.log "penstock, for $(VENV4)" $(call install_wheel,$(VENV4))
	@touch $@

$(FRAMEWORKS_STAMP): | system-packages
	@$(call begin,frameworks)
	@$(call begin,nightlyframeworks)
	@$(STEP) $(STAMPS)/logs/frameworks.log "Virtual environment $(VENVF), with Lightning, Accelerate and others" \
		bash -c '$(PYTHON) -m venv --clear $(VENVF) && $(VENVF)/bin/python -m pip install --no-input --constraint $(CONSTRAINTSF) --requirement requirements/frameworks.txt'
	@touch $@

$(FRAMEWORKS_EXTENSION_STAMP): $(FRAMEWORKS_STAMP) $(WHEEL_STAMP)
	@$(call begin,extensionf)
	@$(STEP) $(STAMPS)/logs/extensionf.log "penstock, for $(VENVF)" $(call install_wheel,$(VENVF))
	@touch $@

$(FRAMEWORKS_NIGHTLY_STAMP): $(FRAMEWORKS_STAMP)
	@$(call begin,nightlyframeworks)
	@$(STEP) $(STAMPS)/logs/nightlyframeworks.log "Ray and Transformers, for $(VENVF)" \
		$(VENVF)/bin/python -m pip install --no-input --constraint $(CONSTRAINTSF) --requirement requirements/frameworks-nightly.txt
	@touch $@

$(MMDET3_BASE_STAMP): | system-packages
	@$(call begin,mmdet3base)
	@$(STEP) $(STAMPS)/logs/mmdet3base.log "Virtual environment $(VENV3), with torch and build tools" \
		bash -c '$(PYTHON) -m venv --clear $(VENV3) && $(VENV3)/bin/python -m pip install --no-input --constraint $(CONSTRAINTS3) --requirement requirements/mmdet3-base.txt'
	@touch $@

# mmcv's operators once more, for another torch: tests alone run them, so nothing is optimised.
$(MMDET3_STAMP): $(MMDET3_BASE_STAMP)
	@$(call begin,mmdet3)
	@$(STEP) $(STAMPS)/logs/mmdet3.log "MMDetection 3 (once: 7 minutes of compiling on 2 cores)" \
		env MMCV_WITH_OPS=1 FORCE_CUDA=0 CFLAGS="-O0 -g0" $(VENV3)/bin/python -m pip install --no-input \
			--constraint $(CONSTRAINTS3) --no-build-isolation --requirement requirements/mmdet3.txt
	@touch $@

$(MMDET3_EXTENSION_STAMP): $(MMDET3_STAMP) $(WHEEL_STAMP)
	@$(call begin,extension3)
	@$(STEP) $(STAMPS)/logs/extension3.log "penstock, for $(VENV3)" $(call install_wheel,$(VENV3))
	@touch $@
