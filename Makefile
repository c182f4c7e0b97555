# A menu: each entry is a script of scripts/, which can be run without make.
.PHONY: help demo test test-kernel bench bench-control bench-forward bench-program bench-shape fuzz lint install uninstall deb test-deb

help: ## Show this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

demo: ## Build, and show six machines on one NIC; KEEP=1 leaves the lab up
	@KEEP=$(KEEP) scripts/demo

test: ## Build, and run every test: unit, golden, BPF, network namespaces
	@scripts/test $(ARGS)

test-kernel: ## Run what touches the kernel on Debian 12's, in QEMU; ACCEL=kvm
	@ACCEL=$(ACCEL) scripts/test-kernel $(ARGS)

bench: ## Measure everything, and write bench/results
	@scripts/bench

bench-control: ## Measure VNICs that come and go, beside CNI; ARGS=--quick
	@scripts/bench control $(ARGS)

bench-forward: ## Measure packets beside bridges and macvlan; ARGS=--quick
	@scripts/bench forward $(ARGS)

bench-program: ## Measure the guests' BPF program on single frames; ARGS=--quick
	@scripts/bench program $(ARGS)

bench-shape: ## Measure caps and guarantees beside CNI, Incus, libvirt; ARGS=--quick
	@scripts/bench shape $(ARGS)

fuzz: ## Feed the guard (FRAMES=N) and every parser (RUNS=N) with anything
	@RUNS=$(RUNS) ONLY=$(ONLY) scripts/fuzz $(FRAMES)

lint: ## Check formatting and lints
	@scripts/lint

install: ## Put programs, units, manuals and completions in place; PREFIX, DESTDIR
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) scripts/install

uninstall: ## Take them away again; what is declared stays
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) scripts/install uninstall

deb: ## Make a Debian package of them, below target/deb
	@scripts/deb

test-deb: ## Install the package on a clean Debian 12, boot that in QEMU, try it
	@ACCEL=$(ACCEL) scripts/test-deb
