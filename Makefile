# SPDX-License-Identifier: GPL-2.0-or-later
#
# Thin: everything is done by the harness. What a target needs of this machine is seen to first
# (python3 -m harness.host: Debian packages, .venv); that takes half a second when all is well.

# Debian's own, which harness.host installs the headers and the venv module of.
PYTHON ?= /usr/bin/python3
# Where make test leaves its JUnit file.
OUT ?= runs/junit
# Which tests, and more for pytest: make test TESTS=tests/unit/test_core.py PYTEST="-k deadline"
TESTS ?= tests/unit tests/hypervisor tests/integration
PYTEST ?=
# make boot ANDROID=0 leaves the Android guest out: half the time, and 104 MiB less.
ANDROID ?= 1
guests := $(if $(filter-out 0,$(ANDROID)),,--set guests.android.enabled=false)
# More for harness boot: make boot BOOT="--profile hw-af"
BOOT ?=
# make boot OFFLINE=1: from the cache or not at all
OFFLINE ?=

# One thing after another, each as parallel as it likes; and none of our variables and options gets
# into the makes of Xen and Linux.
.NOTPARALLEL:
unexport MAKEFLAGS MAKEOVERRIDES MFLAGS

offline := $(if $(OFFLINE),--offline)
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

boot: build ## Build what has changed, boot Xen, dom0 and the guests, compress and verify
	@$(bin)/harness boot $(guests) $(BOOT)
	@$(bin)/harness run first-light

halt: setup ## Stop the testbed
	@$(bin)/harness halt

build: setup ## Build what has changed
	@$(bin)/harness build $(offline)

xen: setup ## Build Xen with the controller; then: .venv/bin/harness reboot
	@$(bin)/harness build xen $(offline)

lint: setup ## ruff, mypy, shellcheck, Xen's and the kernel's C style, licences
	@$(bin)/python -m harness.lint

unit: setup ## Tests that need neither network nor QEMU
	@$(bin)/pytest tests/unit $(PYTEST)

test: lint build ## Lint, unit tests, the controller's tests on the host, tests on QEMU
	@mkdir -p $(OUT)
	@$(bin)/pytest $(TESTS) -m "not slow and not debug_xen" $(guests) --junitxml=$(OUT)/test.xml $(PYTEST)

nightly: setup ## make test and what takes longer, with a summary
	@$(bin)/harness nightly

clean: ## Remove .venv, runs and testbeds of this checkout; the shared cache stays
	@if [ -x $(bin)/harness ]; then $(bin)/harness halt >/dev/null 2>&1 || true; fi
	rm -rf .venv .testbed runs .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
