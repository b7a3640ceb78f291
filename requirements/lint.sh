#!/usr/bin/env bash
# Every static check, all of them even when one fails; ends with the names of those that failed.
set -uo pipefail
cd "$(dirname "$0")/.."

bin=.venv/bin
failed=()

check() {
    local name=$1 began=$SECONDS output
    shift
    if output=$("$@" 2>&1); then
        printf 'ok    %-14s %3d s\n' "$name" $((SECONDS - began))
    else
        failed+=("$name")
        printf 'FAIL  %-14s %3d s\n%s\n' "$name" $((SECONDS - began)) "$output"
    fi
}

if [ ! -x "$bin/ruff" ]; then
    echo "lint: .venv is missing or incomplete: make setup" >&2
    exit 20
fi

check style "$bin/ruff" check --quiet .
check format "$bin/ruff" format --quiet --check .
packages=(mlops)
[ -d plugins ] && packages+=(plugins)
check types "$bin/mypy" "${packages[@]}"
check layers env PYTHONPATH=. "$bin/lint-imports" --no-logo
[ -f Dockerfile ] && check dockerfile "$bin/hadolint" Dockerfile
if command -v promtool >/dev/null; then
    check alert-rules promtool check rules --lint=all --lint-fatal deploy/prometheus/rules.yml
    check alert-tests promtool test rules deploy/prometheus/rules_test.yml deploy/prometheus/rules_slow_test.yml
    check scrape-config promtool check config --lint=all deploy/prometheus/prometheus.yml deploy/prometheus/compose.yml
else
    failed+=(alert-rules)
    echo 'FAIL  alert-rules: promtool is missing. On Debian: apt-get install prometheus'
fi
if command -v amtool >/dev/null; then
    check alert-routes amtool check-config deploy/alertmanager/alertmanager.yml
else
    failed+=(alert-routes)
    echo 'FAIL  alert-routes: amtool is missing. On Debian: apt-get install prometheus-alertmanager'
fi
check compose requirements/dclint/run.sh deploy/compose.yaml
[ -d data_contracts ] && check contracts "$bin/mlops" contract lint data_contracts
[ -d use_cases ] && check use-cases "$bin/mlops" use-case lint

if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: failed: ${failed[*]}" >&2
    exit 1
fi
echo "lint: clean"
