#!/usr/bin/env bash
# Makes both locks from pyproject.toml in one command, or checks them.
#
#   requirements/lock.sh           writes requirements/cuda.lock and requirements/cpu.lock
#   requirements/lock.sh --check   resolves the lock that .venv was not built from against an empty environment,
#                                  hashes required, nothing installed
#
# The package index, find-links folder and certificates are the ones pip uses on this machine; none of them is written
# into a lock. cpu.lock is cuda.lock with torch's CPU build, so both hold the same versions of everything they share.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3.11}
UV=uv==0.13.8
TORCH_CPU=torch==2.13.0+cpu
PLATFORM=x86_64-manylinux_2_28

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

pip_setting() { "$PYTHON" -m pip config get "$1" 2>/dev/null || true; }

prepare() {
    "$PYTHON" -m venv "$tools/venv"
    "$tools/venv/bin/python" -m pip install -qq --disable-pip-version-check "$UV"
    local cert
    cert=${PIP_CERT:-$(pip_setting global.cert)}
    if [ -n "$cert" ] && [ -z "${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE=$cert; fi
    local index
    index=${PIP_INDEX_URL:-$(pip_setting global.index-url)}
    if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then export UV_DEFAULT_INDEX=$index; fi
    find_links=()
    local place
    for place in ${PIP_FIND_LINKS:-$(pip_setting global.find-links)}; do find_links+=(--find-links "$place"); done
}

uv() { "$tools/venv/bin/uv" "$@"; }

compile() {
    uv pip compile pyproject.toml --quiet --extra dev --generate-hashes --python "$PYTHON" --python-version 3.11 \
        --python-platform "$PLATFORM" --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
}

write_locks() {
    # A lock that is already there is what uv prefers: versions move only where pyproject.toml asks, or with UPGRADE=1.
    if [ -z "${UPGRADE:-}" ]; then cp requirements/cuda.lock requirements/cpu.lock "$tools/"; fi
    compile -o "$tools/cuda.lock"
    printf '%s\n' "$TORCH_CPU" >"$tools/override.txt"
    compile "${find_links[@]}" --override "$tools/override.txt" --constraint "$tools/cuda.lock" -o "$tools/cpu.lock"
    if grep -nE '^-|://|file:' "$tools"/*.lock >&2; then
        echo "lock: a lock names an index, a folder or an address (above); nothing was written" >&2
        exit 20
    fi
    mv "$tools/cuda.lock" requirements/cuda.lock
    mv "$tools/cpu.lock" requirements/cpu.lock
    grep -cE '^[a-z0-9].*==' requirements/cuda.lock requirements/cpu.lock
}

check_lock() {
    "$PYTHON" -m venv --without-pip "$tools/empty"
    local name places=()
    for name in cuda cpu; do
        [ "$name" = cpu ] && places=("${find_links[@]}")
        if [ "$name" = cpu ] && [ ${#places[@]} -eq 0 ]; then
            echo "lock-check: cpu.lock not checked: pip is given no find-links folder with a CPU build of torch" >&2
            continue
        fi
        uv pip install --quiet --dry-run --require-hashes --python "$tools/empty/bin/python" --python-version 3.11 \
            --python-platform "$PLATFORM" "${places[@]}" -r "requirements/$name.lock"
        echo "lock-check: requirements/$name.lock resolves with every hash present"
    done
}

prepare
case "${1:-}" in
"") write_locks ;;
--check) check_lock ;;
*)
    echo "lock: expected no argument or --check, found '$1'" >&2
    exit 20
    ;;
esac
