# .venv is made with PYTHON, which is python3 unless you say so, as in `make PYTHON=python3.12`.
# Once it is there it stays, until a PYTHON of another version is asked for.
BIN := .venv/bin
# Prints what the library folder of a .venv is called, python3.12 say, or nothing for a Python that is
# too old.
LIBRARY := import os, sys, sysconfig; \
    print(os.path.basename(sysconfig.get_path("stdlib")) * (sys.version_info >= (3, 10)))
ifndef PYTHON
PYTHON := $(if $(shell $(BIN)/python -c '$(LIBRARY)' 2>/dev/null),$(BIN)/python,python3)
endif
VENV := .venv/lib/$(or $(shell $(PYTHON) -c '$(LIBRARY)' 2>/dev/null),none)
VERSION = $(or $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' \
    2>/dev/null),missing)
REFUSAL = nptorch needs Python 3.10 or newer, but $(PYTHON) is $(VERSION): \
    say which one to take, as in `make PYTHON=python3.12`

.PHONY: series lab site workbook check-workbook test lint refresh lock clean

# Run every notebook and write build/index.html.
series: .venv/ready
	$(BIN)/python notebooks/series.py run

# Open the notebooks in JupyterLab.
lab: .venv/ready
	$(BIN)/jupyter lab notebooks

# Write build/site/, the notebooks with what they have stored and the docs, for a browser or a server.
site: .venv/ready
	$(BIN)/python docs/site/pages.py

# Write workbook/, the notebooks with holes to fill; what is there already stays.
workbook: .venv/ready
	$(BIN)/python notebooks/series.py workbook
	@echo "Open it with: $(BIN)/jupyter lab workbook/notebooks/01_tensor.ipynb"

# Which holes of the workbook are filled rightly? While some are open series.py ends with 1, which a
# script may ask for; a reader would take make's "Error 1" for a crash.
check-workbook: .venv/ready
	$(BIN)/python notebooks/series.py check-workbook || [ $$? = 1 ]

# Run every notebook against its stored outputs, and the unit tests, which must run every line of
# the package. Two workers at a time, each with one thread for its matrix products: with more they
# wait for each other.
test: .venv/ready
	OPENBLAS_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1 \
	    $(BIN)/python -m pytest -n 2 --dist loadfile --cov=nptorch notebooks tests

# Look for unused names, long lines and common mistakes; pyproject.toml has the rules.
lint: .venv/ready
	$(BIN)/ruff check .

# For maintainers: run the notebooks in place, store their outputs, export the package.
refresh: .venv/ready
	$(BIN)/python notebooks/series.py refresh

# For maintainers: write the newest versions of all packages, with their hashes, for every Python.
lock: .venv/ready
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --upgrade \
	    --extra dev --extra site --python-version 3.10 --custom-compile-command "make lock" \
	    pyproject.toml --output-file requirements-lock.txt

clean:
	rm -rf .venv build

# Matplotlib looks for the machine's fonts here and now, not while somebody's notebook is running.
.venv/ready: pyproject.toml $(if $(wildcard $(VENV)),,$(VENV))
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	MPLCONFIGDIR=.venv/matplotlib $(BIN)/python -c 'import matplotlib.font_manager'
	@touch $@

$(VENV):
	$(if $(filter %/none,$@),$(error $(REFUSAL)))
	@echo "setting up .venv with Python $(VERSION); this happens once and takes a minute or two"
	$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }
