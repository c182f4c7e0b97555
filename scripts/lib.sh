# Sourced by the other scripts: the repository is the working directory, and
# Rust is found where rustup puts it.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# sudo and cron know nothing of rustup.
if ! command -v cargo >/dev/null && [ -x "${HOME:-/root}/.cargo/bin/cargo" ]; then
	PATH="${HOME:-/root}/.cargo/bin:$PATH"
fi

# One build serves demo, tests and lint: the same packages with the same
# features, so nothing is compiled twice.
# shellcheck disable=SC2034  # used by those who source this
BUILD=(--workspace --all-features)

# Says why, and ends.
die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Where Cargo puts what it builds.
target_dir() {
	echo "${CARGO_TARGET_DIR:-target}"
}

# Counts what the tests said in LOG, and the skips that SKIPS lists; its last
# line is "N passed, N failed, N skipped". Fails when a test did, when the run
# ended with another STATUS than 0, when no test ran, and when EXPECTED_SKIPS
# names another number.
summary() { # LOG SKIPS STATUS
	local log=$1 skips=$2 status=$3 passed failed ignored skipped
	# test result: ok. 6 passed; 0 failed; 0 ignored; ...
	read -r passed failed ignored < <(awk '
		/^test result: / { passed += $4; failed += $6; ignored += $8 }
		END { print passed + 0, failed + 0, ignored + 0 }
	' "$log")
	skipped=$(sort -u "$skips" | grep -c . || true)
	passed=$((passed - skipped))
	skipped=$((skipped + ignored))

	echo
	sort -u "$skips"
	if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
		echo "the run failed with $status and no test did: counted as one"
		failed=1
	fi
	if [ $((passed + failed)) -eq 0 ]; then
		echo "no test has run"
		status=1
	fi
	if [ "$skipped" -ne "${EXPECTED_SKIPS:-$skipped}" ]; then
		echo "expected $EXPECTED_SKIPS skipped"
		status=1
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$status" -eq 0 ]
}
