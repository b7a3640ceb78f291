#!/usr/bin/env bash
# Lints a compose file with the dclint that package-lock.json pins; `npm ci` fetches it once, and again when the lock
# changes. dclint expands no variable, so it is shown the file as compose would see it, with its lines where they are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
file=$(realpath "$1")

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "node or npm is missing. On Debian: apt-get install nodejs npm" >&2
    exit 20
fi
stamp=$here/node_modules/.mlops-lock
if ! cmp -s "$here/package-lock.json" "$stamp"; then
    (cd "$here" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
    cp "$here/package-lock.json" "$stamp"
fi

seen=$(mktemp -d)
trap 'rm -rf "$seen"' EXIT
digest=sha256:$(printf '0%.0s' {1..64})
sed -E -e 's/\$\{[A-Z_]+:-([^}]*)\}/\1/g' \
    -e "s/\\\$\{[A-Z_]+_DIGEST:\?[^}]*\}/$digest/g" \
    -e 's/\$\{[A-Z_]+:\?[^}]*\}/of-this-site/g' "$file" >"$seen/$(basename "$file")"
node "$here/node_modules/dclint/bin/dclint.cjs" --config "$here/config.yaml" --max-warnings 0 "$seen"
