# Sourced by the scripts that run what Cargo built on Debian 12's kernel, in a
# virtual machine, behind lib.sh.
# shellcheck shell=bash

# How long the machine may take, so that one that hangs ends as well.
limit=90m
# What tests, benchmarks and the machine's init call.
tools="
	bridge busybox cat chmod dhclient dnsmasq grep ip kill losetup ls mkdir
	mkfs.ext4 mknod modprobe mount nsenter ping setpriv sh sleep stty tc timeout
	umount
"

# Makes a place for the machine's files, $root, which is gone with the script.
machine_prepare() {
	scripts/deps binutils:strip cpio:cpio kmod:depmod kmod:modprobe \
		qemu-system-x86:qemu-system-x86_64
	scripts/guest-kernel
	# ip, tc and depmod are in directories that only root's PATH has.
	PATH="$PATH:/usr/sbin:/sbin"
	guest=$(target_dir)/guest
	work=$(mktemp -d "$guest/tests.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	root=$work/root
	mkdir -p "$root"/{bin,dev,etc,lib,proc,run,sys,tmp}
	ln -s bin "$root/sbin"
}

# Makes the machine's file system of $root. Tools and libraries are this
# machine's. All modules are there, and the kernel loads what it needs as on any
# Debian.
machine_pack() {
	local tool version
	for tool in $tools; do
		cp -L "$(type -P "$tool")" "$root/bin/$tool"
	done
	find "$root" -type f -exec ldd {} + | grep -oE '/[^ ]+ \(0x' |
		cut -d ' ' -f 1 | sort -u | xargs cp -L --parents -t "$root"
	cp -r /etc/group /etc/iproute2 /etc/passwd "$root/etc"
	cp -r "$guest/modules" "$root/lib"
	for version in "$root"/lib/modules/*; do
		depmod -b "$root" "${version##*/}"
	done
	cp integration-netns/guest/init-suites "$root/init"
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/initrd"
	rm -r "$root"
}

# Boots the machine and waits until it ends. Each suite gets the WORDS. What they
# say is in $work/log, which were skipped in $work/results, and how it all ended
# in $status.
machine_run() { # WORDS
	local cpus ended trouble words
	# The machine's serial ports: what the suites say; which tests were skipped,
	# and how it all ended; what the kernel says; what a benchmark has written.
	# An emulated processor that has to wait for a real one looks stuck to the
	# kernel, so nothing watches for that.
	status=0
	words="console=ttyS2 loglevel=5 oops=panic panic=-1 nowatchdog"
	cpus=$(nproc)
	echo "booting $(ls "$guest/modules")"
	# It ends with this script, however that ends.
	setpriv --pdeathsig TERM -- timeout --foreground "$limit" \
		qemu-system-x86_64 -accel "${ACCEL:-tcg}" -m 2048 \
		-smp $((cpus < 4 ? cpus : 4)) \
		-nodefaults -no-user-config -no-reboot -display none \
		-kernel "$guest/vmlinuz" -initrd "$work/initrd" \
		-append "$words -- $1" \
		-serial stdio -serial "file:$work/results" \
		-serial "file:$work/console" -serial "file:$work/written" \
		</dev/null | tee "$work/log" || status=$?

	touch "$work"/{console,results}
	ended=$(sed -n 's/^= //p' "$work/results")
	sed -i '/^= /d' "$work/results"
	trouble=
	if [ -z "$ended" ]; then
		trouble="the machine ended before its suites did"
	elif grep -qE 'WARNING: |BUG: ' "$work/console"; then
		trouble="the machine's kernel has found a mistake in itself"
	fi
	if [ -n "$trouble" ]; then
		cat "$work/console"
		echo "$trouble (QEMU: $status)"
		status=1
	fi
	[ "$status" -ne 0 ] || status=$ended
}
