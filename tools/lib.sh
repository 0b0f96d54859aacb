# SPDX-License-Identifier: BSD-2-Clause
# Shared by the scripts in tools/; sourced, not run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
cd "$root"

# The environment's flags are for somebody else's programs.
unset MAKEFLAGS MFLAGS CFLAGS CPPFLAGS LDFLAGS PYTHONPATH PYTHONHOME || true
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
in_ci() { [ "${CI:-}" = true ]; }

# An interpreter of 3.11 or later, the reference one first; empty if none.
find_python() {
	local candidate
	for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 \
	    /usr/bin/python3; do
		if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		    2>/dev/null; then
			command -v "$candidate"
			return
		fi
	done
}
