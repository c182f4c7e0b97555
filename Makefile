# A menu: each entry is a script of scripts/, which can be run without make.
.PHONY: help demo test bench fuzz lint

help: ## Show this menu
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

demo: ## Build, and show six machines on one NIC; KEEP=1 leaves the lab up
	@KEEP=$(KEEP) scripts/demo

test: ## Build, and run every test: unit, golden, BPF, network namespaces
	@scripts/test $(ARGS)

bench: ## Measure, and write bench/results
	@scripts/bench $(ARGS)

fuzz: ## Run a million frames through the guard in BPF and in Rust; FRAMES=N
	@scripts/fuzz $(FRAMES)

lint: ## Check formatting and lints
	@scripts/lint
