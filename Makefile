PYTHON ?= python3
BIN := .venv/bin
MEMBERS := . $(wildcard plugins/*)
.PHONY: demo test check lock bench clean

demo: .venv/.ok
	@$(BIN)/pointsman demo

test: check
	@$(BIN)/python -m pytest -q -n 2

check: .venv/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: .venv/.ok
	@$(BIN)/pointsman bench

# For maintainers: needs uv. The locks name no host, so pip takes the packages from wherever it is configured to.
EXPORT := uv export -q --frozen --all-packages --no-emit-workspace --no-annotate --no-header --no-emit-index-url --format requirements.txt
lock:
	uv lock --upgrade
	$(EXPORT) --no-default-groups --group build -o requirements.lock
	$(EXPORT) -o tests/requirements.lock

# What running it needs; what working on it needs comes on top.
.venv/.ok: requirements.lock pyproject.toml $(wildcard plugins/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed (this is %d.%d). Try: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the locked dependencies into .venv (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@

.venv/.dev: .venv/.ok tests/requirements.lock
	@echo "Installing the tools of the tests into .venv (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/requirements.lock
	@touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis demo-out tests/clients/bsg/.installed
