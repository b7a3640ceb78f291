#!/usr/bin/env bash
# Builds .venv from a hash lock and puts the `mlops` command in it. Asks nothing, changes nothing outside the checkout
# but pip's own cache, and returns at once when the environment already matches the locks.
#
#   LOCK=cpu|cuda    take this lock; without it cpu.lock is taken where pip finds a CPU build of torch and the machine
#                    has no NVIDIA GPU, else cuda.lock (whose torch also runs on a CPU).
#   PYTHON=NAME      the Python 3.11 to use (default python3.11)
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3.11}
STAMP=.venv/.mlops-setup

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "setup: $1"
    say "  On Debian: $2"
    exit 20
}

check_tools() {
    command -v git >/dev/null || fail "git is missing" "apt-get install git"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null ||
        fail "Python 3.11 is missing: '$PYTHON' does not run as one" "apt-get install python3.11 python3.11-venv (Debian 12; elsewhere name a 3.11 with PYTHON=...)"
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$PYTHON has no venv module" "apt-get install python3.11-venv"
}

has_gpu() { compgen -G '/dev/nvidia[0-9]*' >/dev/null || [ -e /dev/dxg ]; }

# What the environment must agree with: the locks, the project's own declaration, the place (an editable install and a
# venv both hold absolute paths), and what decides between the locks.
wanted() {
    sha256sum requirements/cpu.lock requirements/cuda.lock pyproject.toml requirements/setup.sh
    printf 'place %s\nlock %s\ngpu %s\n' "$PWD" "${LOCK:-chosen}" "$(has_gpu && echo yes || echo no)"
}

torch_lines() { awk '/^torch==/ {found = 1} found {print} found && !/\\$/ {exit}' "$1"; }

# Whether pip, as it is set up on this machine, finds a CPU build of torch with a locked hash. The dry run resolves
# and checks the one wheel; a remote wheel lands in pip's cache, where the install finds it again.
finds_cpu_torch() {
    local only
    only=$(mktemp)
    torch_lines requirements/cpu.lock >"$only"
    local found=0
    .venv/bin/python -m pip install --quiet --dry-run --no-deps --ignore-installed --require-hashes -r "$only" \
        >/dev/null 2>&1 || found=1
    rm -f "$only"
    return $found
}

choose_lock() {
    if [ -n "${LOCK:-}" ]; then
        echo "$LOCK"
    elif has_gpu; then
        echo cuda
    elif finds_cpu_torch; then
        echo cpu
    else
        echo cuda
    fi
}

if [ -x .venv/bin/mlops ] && [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(wanted)" ]; then
    say "setup: .venv matches the locks"
    exit 0
fi

check_tools
case "${LOCK:-cpu}" in
cpu | cuda) ;;
*) fail "LOCK is '$LOCK', expected cpu or cuda" "make setup LOCK=cpu" ;;
esac
rm -f "$STAMP"
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    say "setup: creating .venv"
    "$PYTHON" -m venv --clear .venv
fi
lock=$(choose_lock)
# The lock names every package, so pip resolves nothing; `pip check` then says whether they fit each other.
say "setup: installing requirements/$lock.lock (about two minutes on a first run)"
# What has no wheel is built with the locked setuptools, so nothing without a hash is fetched for it.
pip_install() { .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps "$@"; }
pip_install --require-hashes -r <(awk '/^setuptools==/,!/\\$/' "requirements/$lock.lock")
pip_install --require-hashes --use-pep517 --no-build-isolation -r "requirements/$lock.lock"
pip_install --no-build-isolation -e .
.venv/bin/python -m pip check --disable-pip-version-check >&2
wanted >"$STAMP.part"
mv "$STAMP.part" "$STAMP"
say "setup: done; the command is .venv/bin/mlops"
