# SPDX-License-Identifier: GPL-2.0-or-later
#
# Thin: everything is done by the harness. What a target needs of this machine is seen to first
# (python3 -m harness.host: Debian packages, .venv); that takes half a second when all is well.

# Debian's own, which harness.host installs the headers and the venv module of.
PYTHON ?= /usr/bin/python3
# Where make test and make nightly leave JUnit files.
OUT ?= runs/junit
# More for pytest: make test PYTEST="-k console"
PYTEST ?=
# More for harness boot: make boot BOOT="--profile hw-af"
BOOT ?=

bin := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup boot halt xen build test unit nightly lint clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | \
		awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

# The one thing that Python cannot see to: that there is Python.
setup: ## Check this machine, install what it lacks, make .venv
	@command -v $(PYTHON) >/dev/null || .ci/python
	@$(PYTHON) -B -m harness.host

boot: setup ## Build what has changed and boot Xen, dom0 and the guests
	@$(bin)/harness build
	@$(bin)/harness boot $(BOOT)
	@$(bin)/harness run first-light

halt: setup ## Stop the testbed
	@$(bin)/harness halt

xen: setup ## Build Xen with the controller (then: harness reboot)
	@$(bin)/harness build xen

build: setup ## Build everything without booting
	@$(bin)/harness build

lint: setup ## ruff, mypy, shellcheck, Xen's and the kernel's C style, licences
	@$(bin)/python -m harness.lint

unit: setup ## Tests that need neither network nor QEMU
	@$(bin)/pytest tests/unit $(PYTEST)

test: lint build ## Lint, unit tests, host tests of the controller, tests on QEMU; JUnit in runs/junit
	@mkdir -p $(OUT)
	@$(bin)/pytest tests/unit tests/hypervisor tests/integration -m "not slow" \
		--junitxml=$(OUT)/test.xml $(PYTEST)

nightly: setup ## make test and what takes longer, with a summary
	@$(bin)/harness nightly

clean: ## Remove .venv, runs and testbeds of this checkout; the shared cache stays
	@if [ -x $(bin)/harness ]; then $(bin)/harness halt >/dev/null 2>&1 || true; fi
	rm -rf .venv .testbed runs .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
