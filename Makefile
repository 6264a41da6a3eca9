# `make quickstart`, `make test` and the others need nothing but Python 3.11 or newer: each sets up what it runs.
PYTHON ?= python3
VENV ?= .venv
TFA_VENV ?= .venv-tfa
DETECT_VENV ?= .venv-detect
OUT ?= runs/quickstart
ANSWER ?= answer
RUN := $(VENV)/bin/python

.PHONY: detect quickstart test test-fast lint format parity clean

# Without TensorFlow. The exit status 1 of `detect` says that something cannot be judged, which is an answer.
detect: $(DETECT_VENV)/.installed
	@test -n "$(FILES)" || { echo 'Say which files: make detect FILES="clip.mp4 pictures"'; exit 2; }
	@$(DETECT_VENV)/bin/tfafsr detect $(FILES) --out $(ANSWER) || [ $$? -eq 1 ]

quickstart: $(VENV)/.installed
	$(RUN) -m tfafsr quickstart --out $(OUT)

test: $(VENV)/.test-installed
	$(RUN) -m pytest -n 2 --dist loadscope --no-loadscope-reorder --durations 15

test-fast: $(VENV)/.test-installed
	$(RUN) -m pytest -n 2 --dist loadscope --no-loadscope-reorder -m "not slow"

lint: $(VENV)/.test-installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(RUN) -m pytest --quiet tests/test_architecture.py

format: $(VENV)/.test-installed
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) $(DETECT_VENV) $(TFA_VENV) build *.egg-info

$(VENV)/bin/python $(DETECT_VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0] + '; try make PYTHON=python3.11') if sys.version_info < (3, 11) else None"
	@$(PYTHON) -m venv $(patsubst %/bin/python,%,$@)

$(DETECT_VENV)/.installed: requirements-detect.txt pyproject.toml | $(DETECT_VENV)/bin/python
	@echo "Installing requirements-detect.txt into $(DETECT_VENV): about 0.5 GB, half a minute."
	@$(DETECT_VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-detect.txt
	@$(DETECT_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.installed: requirements-detect.txt requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing $(filter %.txt,$^) into $(VENV): about 1 GB, a few minutes."
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check $(addprefix -r ,$(filter %.txt,$^))
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.test-installed: requirements-test.txt requirements-app.txt requirements-beam.txt requirements-forge.txt requirements-init.txt $(VENV)/.installed
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check $(addprefix -r ,$(filter %.txt,$^))
	@touch $@

# tensorflow-addons and its TensorFlow exist for Python 3.9 to 3.11 only.
TFA_PYTHON ?= $(shell command -v python3.11 || command -v $(PYTHON))
PARITY := build/parity.npz

parity: $(VENV)/.installed $(TFA_VENV)/.installed
	$(RUN) -m experiments.parity export $(PARITY)
	$(TFA_VENV)/bin/python experiments/parity_reference.py $(PARITY)

$(TFA_VENV)/.installed: requirements-tfa.txt
	@$(TFA_PYTHON) -c "import sys; sys.exit('make parity needs Python 3.9 to 3.11, this is ' + sys.version.split()[0] + '; try make parity TFA_PYTHON=python3.11') if not (3, 9) <= sys.version_info[:2] <= (3, 11) else None"
	@echo "Installing requirements-tfa.txt into $(TFA_VENV): tensorflow-addons, the reference; about 1.7 GB."
	@$(TFA_PYTHON) -m venv --clear $(TFA_VENV)
	@$(TFA_VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-tfa.txt
	@touch $@
