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
