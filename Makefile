# The project's commands. They work from a clean clone: each target first sets up missing dependencies.

# Variables that would change or slow down the commands are removed from the environment. Without bytecode, for
# instance, every start takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH PYTHONSTARTUP VIRTUAL_ENV
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_REQUIRE_HASHES
unexport UV_PYTHON UV_SYSTEM_PYTHON UV_BREAK_SYSTEM_PACKAGES UV_COMPILE_BYTECODE UV_REQUIRE_HASHES UV_CONFIG_FILE
unexport MYPYPATH PYTEST_ADDOPTS PYTEST_XDIST_AUTO_NUM_WORKERS

STACK = dev
JOBS = 2000
SEEDS = 1
# Passed on in the environment as typed, so that quotes, spaces and dollar signs in them have no effect.
export VIDEO_TYPED := $(value VIDEO)
export DATA_TYPED := $(value DATA)
export KEEP_TYPED := $(value KEEP)

# Tests run in as many processes as there are cores, but not in more than this. With twice as many, processes that tests
# wait for do not end in time on two cores.
MOST_WORKERS = 4
# What `make check` leaves out: the tests that take long or need more than Python.
TIERS = azurite or browser or engine or installs or video

PYTHON = .venv/bin/python
UV = $(PYTHON) -m uv
READY = .venv/ready
PAGE = redactor/page/built/index.html

.PHONY: help setup redact analyze cloud replay operate smoke preview check test soak lint lock clean
.DEFAULT_GOAL := help

help: ## Show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

redact: $(READY) ## Redact VIDEO=path, folder or pattern, or a sample clip, on the local cloud; KEEP=3,7 keeps people of `make analyze` visible; STACK=dev|ams, ARGS=more options
ifeq ($(KEEP_TYPED),)
	@exec $(PYTHON) -m local redact --stack "$(STACK)" $(ARGS) $(if $(VIDEO_TYPED),-- "$$VIDEO_TYPED")
else
	@name=$${VIDEO_TYPED##*/}; stem=$${name%.*}; faces=out/$$stem/$${stem}_annotations.json; \
	    [ -f "$$faces" ] || { echo "$$faces is not there; first find the people: make analyze VIDEO=…" >&2; exit 2; }; \
	    exec $(PYTHON) -m redactor redact --annotations "$$faces" --keep "$$KEEP_TYPED" $(ARGS) \
	    -- "$$VIDEO_TYPED" "out/$${stem}_redacted.mp4"
endif

analyze: $(READY) ## Find the people in VIDEO=path, folder or pattern, and show them in out/<name>/index.html; ARGS=more options
	@[ -n "$$VIDEO_TYPED" ] || { echo "VIDEO is missing: a video, a folder of them, or a pattern" >&2; exit 2; }
	@mkdir -p out && exec $(PYTHON) -m redactor analyze --folders $(ARGS) -- "$$VIDEO_TYPED" out

cloud: $(READY) ## Keep the local cloud up and print its addresses; STACK=dev|ams, DATA=folder keeps its data
	@exec $(PYTHON) -m local up --stack "$(STACK)" $(if $(DATA_TYPED),--data "$$DATA_TYPED") $(ARGS)

replay: $(READY) ## Raise the events of dead letters again; STACK=a deployed stack's name, or local; ARGS=--dry-run only lists them
	@$(OUTPUTS) && printf '%s' "$$outputs" | $(PYTHON) -m operations replay $(ARGS)

operate: $(READY) ## Act on STACK=a deployed stack's name, or local; DO="jobs", "job NAME", cancel, retry, result, erase, queue
	@$(OUTPUTS) && printf '%s' "$$outputs" | $(PYTHON) -m operations $(DO)

smoke: $(READY) ## Send a clip, or VIDEO=path, through STACK=a deployed stack's name, or local, and name the part that fails
	@$(OUTPUTS) && clip=$${VIDEO_TYPED:-$$($(PYTHON) -m local.user.sample)} && \
	    printf '%s' "$$outputs" | $(PYTHON) -m operations smoke $(ARGS) -- "$$clip"

# Of a deployed stack, or of the cloud that `make cloud` keeps up on this machine, with a login there.
LOCAL = .cache/local-cloud
OUTPUTS = \
    if [ "$(STACK)" != local ]; then outputs=$$(pulumi stack output --json --stack "$(STACK)"); \
    elif [ -f $(LOCAL)/login ]; then . ./$(LOCAL)/login && outputs=$$(cat $(LOCAL)/outputs.json); \
    else echo "no local cloud is up; start one by 'make cloud'" >&2; exit 1; fi

preview: $(READY) ## Show what `pulumi up` would make, by the real engine and without an Azure account; STACK=dev|ams
	@bash .ci/build-pulumi
	@exec $(PYTHON) -m tests.engine.preview --stack "$(STACK)" $(ARGS)

check: lint $(PAGE) ## Check style and types, and run the tests that fit into a minute; ROOM=folder of tests/, ARGS=options of pytest
	@$(PYTEST) $(WORKERS) -m "not ($(TIERS))" $(ARGS) $(TESTS)

test: $(READY) $(PAGE) ## Run all tests; ROOM=folder of tests/, ARGS=options of pytest
	@$(PYTEST) $(WORKERS) $(ARGS) $(TESTS)

PYTEST = exec $(PYTHON) -m pytest
WORKERS = --numprocesses logical --maxprocesses $(MOST_WORKERS)
TESTS = $(if $(ROOM),$(or $(wildcard tests/$(ROOM)),$(error ROOM: there is no tests/$(ROOM); rooms are $(patsubst tests/%/,%,$(wildcard tests/[a-z]*/)))))

soak: $(READY) ## Kill the media service's processes at random under JOBS=2000 for each of SEEDS="1 2"; ARGS=options of pytest
	@SOAK_JOBS="$(JOBS)" SOAK_SEEDS="$(SEEDS)" exec $(PYTHON) -m pytest -s tests/mediaservice/test_soak.py $(ARGS)

lint: $(READY) $(PAGE) ## Check style, format and types
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --check --quiet --diff .
	@$(PYTHON) -m mypy .

lock: $(READY) ## Update the lock files, after a change of a requirements.txt
	@$(COMPILE) requirements.txt -o requirements.lock
	@$(COMPILE) function/requirements.txt -o function/requirements.lock $(DEPLOYED)
	@$(COMPILE) mediaservice/requirements.txt -o mediaservice/requirements.lock $(DEPLOYED)
	@$(COMPILE) policy/requirements.txt -o policy/requirements.lock
	@grep '^uv==' requirements.txt | $(COMPILE) - -o mediaservice/installer.lock

COMPILE = $(UV) pip compile --quiet --no-header --no-annotate --generate-hashes --python $(PYTHON)
# All packages are checked by hash. Deployed ones are for Azure's Linux whatever the developer's machine.
DEPLOYED = --python-version 3.13 --python-platform x86_64-manylinux_2_28 -c requirements.lock

clean: ## Remove installed packages and caches; out/ stays
	rm -rf .venv policy/.venv .cache web/node_modules redactor/page/built .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup: $(READY) $(PAGE) ## Install the dependencies into .venv and .cache, as every other target does by itself

# One line per step. A tool's output is shown only if it fails.
$(READY): .venv/bin/python requirements.lock local/services/azurite/package-lock.json
	@mkdir -p .cache; \
	step() { \
	    echo "$$1"; shift; \
	    "$$@" >.cache/setup.log 2>&1 || { tail -n 20 .cache/setup.log >&2; exit 1; }; \
	}; \
	step "Installing the installer, uv" \
	    $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	        --requirement mediaservice/installer.lock; \
	step "Installing the packages of requirements.lock (a minute or two the first time)" \
	    $(UV) pip install --python $(PYTHON) --requirements requirements.lock; \
	step "Installing Azurite, the storage emulator" \
	    $(PYTHON) -c 'from local.services import azurite; azurite.install()'; \
	touch $@

# Its types are checked as it is built.
$(PAGE): $(READY) web/package-lock.json web/index.html web/build.py web/tsconfig.json web/vite.config.ts $(shell find web/src web/public -type f)
	@echo "Building the review page"; $(PYTHON) web/build.py

.venv/bin/python:
	@found=; \
	for candidate in python3.13 python3 python; do \
	    version=$$("$$candidate" -c 'import platform; print(platform.python_version())' 2>/dev/null) || continue; \
	    case $$version in 3.13.*) \
	        echo "Making .venv with Python $$version"; \
	        exec "$$candidate" -m venv --clear .venv;; \
	    esac; \
	    found="$$found$${found:+, }$$candidate is $$version"; \
	done; \
	echo "Python 3.13 is needed and was not found ($${found:-there is no Python at all});" \
	    "get it by 'uv python install 3.13', 'pyenv install 3.13' or your system's packages" >&2; \
	exit 1
