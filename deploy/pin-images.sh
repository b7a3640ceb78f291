#!/usr/bin/env bash
# Asks the registry for the digest of every image that the Dockerfile and compose.yaml name, and writes
# deploy/images.env. Needs docker with buildx and no daemon. Writes nothing unless every image was found.
set -euo pipefail
cd "$(dirname "$0")"

fresh=$(mktemp images.env.XXXXXX)
trap 'rm -f "$fresh"' EXIT

cat >"$fresh" <<EOF
# The images by digest, one line for each image that the Dockerfile or compose.yaml names; an empty one stops build and
# start. Written by deploy/pin-images.sh on $(date --utc +%F) as the registry answered. Read the difference, then commit it.
EOF

# NAME:TAG@${VARIABLE} or NAME:TAG@${VARIABLE:?why}
grep -hoE '[a-z0-9./_-]+:[A-Za-z0-9._-]+@\$\{[A-Z_]+' ../Dockerfile compose.yaml | sort -u | while IFS= read -r found; do
    image=${found%%@*}
    variable=${found##*\{}
    digest=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}') ||
        { echo "pin-images: $image was not found; nothing was written" >&2; exit 1; }
    [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] ||
        { echo "pin-images: expected a digest for $image, found '$digest'; nothing was written" >&2; exit 1; }
    printf '%s=%s\n' "$variable" "$digest" >>"$fresh"
    printf '%-40s %s\n' "$image" "$digest"
done

chmod 0644 "$fresh"
mv "$fresh" images.env
