# Everything a fresh machine needs is `make` and Python 3.11 or newer; each target installs what it uses.

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=

bin   := $(VENV)/bin
pip   := $(bin)/python -m pip --disable-pip-version-check -qq
stamp := $(VENV)/.installed

# Packages are counted as they come, on a terminal one by one, after the time it has taken so far; errors go to
# stderr, and end the target.
SHELL       := /bin/bash -o pipefail
total       := $(shell grep -c '^[a-zA-Z0-9].*==' requirements.lock)
pip_lock     = $(bin)/python -m pip --disable-pip-version-check install --progress-bar off \
               --require-hashes --requirement requirements.lock 2> >(grep -v '^WARNING: ' >&2)
say          = printf '%4d s  %s\n' "$$SECONDS"
in_place     = $$(find $(VENV)/lib/python*/site-packages -maxdepth 1 -name '*.dist-info' ! -name 'pip-*' | wc -l)
define shown
{ n=0 ticker=; while read -r word what _; do case $$word in \
    Collecting|Processing) n=$$((n + 1)); \
      if [ -t 1 ]; then printf '\r%4d s  %d of $(total) packages: %-40.40s' "$$SECONDS" $$n "$${what##*/}"; \
      elif [ $$((n % 40)) = 0 ]; then $(say) "$$n of $(total) packages are here"; fi;; \
    Installing) if [ -t 1 ]; then printf '\r%-70s\r' ''; fi; \
      $(say) "all $$n packages are here, and are put into place"; \
      while sleep 5 >/dev/null 2>&1; do $(say) "$(in_place) of $$n are in place"; done & ticker=$$!;; \
  esac; done; [ -z "$$ticker" ] || kill $$ticker; }
endef

.DEFAULT_GOAL := help
.PHONY: help install demo run monitor sandbox docs test test-rabbitmq bench bench-flows bench-report profile \
        bench-placement overload storm soak soak-long chaos chaos-long deploy-test fuzz ledger-run lint format lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(stamp) ## install everything into .venv, at the versions of requirements.lock

# The stamp is written last, so an installation that was cut short is done again.
$(stamp): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing into $(VENV): about 950 MB with the speech models, 20 s to two minutes."
	@set -e; $(PYTHON) -m venv $(VENV); $(say) "the virtual environment is made"; $(pip_lock) | $(shown); \
	  $(pip) install --no-deps --no-build-isolation --editable .; $(say) "installed: $(bin)/speech-dispatch --help"
	@touch $@

demo: $(stamp) ## translate a recording end to end, with everything on this machine
	@$(bin)/speech-dispatch demo $(ARGS)

run: $(stamp) ## keep the whole system up until Ctrl-C; options in ARGS, as in ARGS="--web 2 --no-node"
	@$(bin)/speech-dispatch up $(ARGS)

sandbox: $(stamp) ## the same with a node that only echoes: no speech models, for developers of clients
	@$(bin)/speech-dispatch up --echo $(ARGS)

docs: $(stamp) ## build the documents as a site into build/site; ARGS=--quiet says nothing but what is wrong
	@NO_MKDOCS_2_WARNING=1 $(bin)/python -m mkdocs build --strict $(ARGS)

# Without Prometheus root gets Debian's; it ends with the system.
monitor: $(stamp) ## the same with a Prometheus on 127.0.0.1:9090 that scrapes it and minds the alerts
	@command -v prometheus > /dev/null || { test "$$(id -u)" = 0 && apt-get install -qq -y \
	  --no-install-recommends prometheus; } || { echo "Install Prometheus first." >&2; exit 1; }
	@mkdir -p build/prometheus
	@prometheus --config.file=deploy/prometheus/prometheus.yml --storage.tsdb.path=build/prometheus \
	  --web.listen-address=127.0.0.1:9090 --log.level=warn & server=$$!; trap "kill $$server" EXIT; \
	  $(bin)/speech-dispatch up $(ARGS)

# Two for each core: most tests wait for processes of theirs, and hardly for a processor. Each takes neighbours, which
# share what they need, and who is done first takes some of another's.
test: $(stamp) ## run all tests; options in ARGS, as in ARGS="-k ledger"
	@$(bin)/python -m pytest -n $$(( 2 * $$(nproc) )) --dist worksteal $(ARGS)

test-rabbitmq: $(stamp) ## run the tests with RabbitMQ as the broker; installs Debian's if root may
	@$(bin)/python -m tests.rabbitmq
	@$(bin)/python -m pytest tests/tasks/test_rabbitmq.py $(ARGS)

bench: $(stamp) ## compare our system with its peers, under 10 minutes; ARGS="--quick" or "--only flows idle"
	@$(bin)/python -m bench $(ARGS)

bench-flows: $(stamp) ## measure how long each flow takes inside the server at half load
	@$(bin)/python -m bench --only flows next-job --output build/bench-flows.json $(ARGS)

bench-report: $(stamp) ## compare the stable ratios with the last recorded; ARGS=--record keeps new ones
	@$(bin)/python -m bench.regression $(ARGS)

profile: $(stamp) ## record flame graphs of each flow into docs/performance/
	@PATH="$(CURDIR)/$(bin):$$PATH" $(bin)/python -m bench.profiling $(ARGS)

bench-placement: $(stamp) ## measure what a reservation costs, and how soon a killed node is noticed
	@$(bin)/python -m bench.placement $(ARGS)

overload: $(stamp) ## offer 1, 2, 5 and 10 times what the nodes can do: who waits, who is refused, how soon
	@$(bin)/python -m bench.overload $(ARGS)

storm: $(stamp) ## let 5,000 clients connect in the same moment while others speak
	@$(bin)/python -m bench.storm $(ARGS)

soak: $(stamp) ## talk for 2 minutes while a web process is restarted; nothing may be lost
	@$(bin)/python -m bench.soak $(ARGS)

soak-long: $(stamp) ## the same for 10 minutes with 200 sessions
	@$(bin)/python -m bench.soak --seconds 600 --sessions 200 --grown-from 120 $(ARGS)

chaos: $(stamp) ## kill, stop and cut off everything for 2 minutes; nothing may be lost
	@$(bin)/python -m bench.chaos $(ARGS)

chaos-long: $(stamp) ## the same for 25 minutes, more than 200 kills and stops
	@$(bin)/python -m bench.chaos --seconds 1500 $(ARGS)

deploy-test: $(stamp) ## 10 rolling restarts of everything under load; no error, nothing lost
	@$(bin)/python -m bench.chaos --rolling 10 $(ARGS)

fuzz: $(stamp) ## fuzz everything that reads what strangers write, 4 s each; ARGS="--seconds 600 --only wav"
	@$(bin)/python -m tests.fuzz $(ARGS)

ledger-run: $(stamp) ## walk the ledger at random, 10,000,000 operations, and check it
	@$(bin)/python -m bench.ledger_run $(ARGS)

lint: $(stamp) ## check style, format and types
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy

format: $(stamp) ## format the code and mend what the linter can mend
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

# pip-tools has a venv of its own, so that it is not itself in what it locks.
lock: ## write requirements.lock anew from pyproject.toml; ARGS=--upgrade takes newer versions
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip --disable-pip-version-check -qq install 'pip-tools>=7.5'
	CUSTOM_COMPILE_COMMAND='make lock' build/lock/bin/pip-compile --quiet --generate-hashes --all-extras \
	  --all-build-deps --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host $(ARGS) --output-file requirements.lock pyproject.toml

clean: ## remove what was installed, built and cached; recordings and queues in data/ stay
	rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
