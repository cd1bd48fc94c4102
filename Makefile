PYTHON ?= python3
BIN := .venv/bin

.PHONY: series lab test refresh clean

# Run every notebook and write build/index.html.
series: .venv/ready
	$(BIN)/python notebooks/series.py run

# Open the notebooks in JupyterLab.
lab: .venv/ready
	$(BIN)/jupyter lab notebooks

# Run every notebook against its stored outputs, then the unit tests, which must run every line of
# the package. Two workers at a time, each with one thread for its matrix products: with more they
# wait for each other.
test: .venv/ready
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile notebooks
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --cov=nptorch tests

# For maintainers: run the notebooks in place, store their outputs, export the package.
refresh: .venv/ready
	$(BIN)/python notebooks/series.py refresh

clean:
	rm -rf .venv build

.venv/ready: pyproject.toml
	@echo "setting up .venv; this happens once and takes a minute or two"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@
