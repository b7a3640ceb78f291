#!/usr/bin/env bash
# Starts Airflow's API server. Airflow's SimpleAuthManager keeps passwords in plain text and is made for development:
# it is refused unless the port is published on the loopback interface only (AIRFLOW_PUBLISHED_ON), and its passwords
# come from a secret, because those that Airflow makes up itself are printed to the log.
set -euo pipefail

refuse() {
    printf 'api-server: %s\n' "$1" >&2
    exit 20
}

passwords=${SIMPLE_AUTH_PASSWORDS:-/run/secrets/simple_auth_passwords}

if [[ ${AIRFLOW__CORE__AUTH_MANAGER:-SimpleAuthManager} == *SimpleAuthManager ]]; then
    case ${AIRFLOW_PUBLISHED_ON:-unknown} in
    127.* | ::1 | '[::1]' | localhost) ;;
    *) refuse "SimpleAuthManager is for development, and the port is published on '${AIRFLOW_PUBLISHED_ON:-unknown}': take another AIRFLOW_AUTH_MANAGER, or publish on 127.0.0.1" ;;
    esac
    all_admins=${AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS:-false}
    case ${all_admins,,} in
    false | f | 0) ;;
    *) refuse "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS lets everybody in: unset it" ;;
    esac
    [ -r "$passwords" ] || refuse "$passwords is missing or not readable: make it with deploy/secrets.sh"
    python - "$passwords" "${AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS:-}" <<'PYTHON' ||
import json, sys
known = json.load(open(sys.argv[1], encoding="utf-8"))
users = [entry.split(":")[0].strip() for entry in sys.argv[2].split(",") if entry.strip()]
sys.exit(0 if users and all(len(known.get(user, "")) >= 12 for user in users) else 1)
PYTHON
        refuse "every account of AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS needs a password of 12 characters in $passwords"
    # Airflow opens the file for writing, and a secret cannot be written.
    install -m 0600 "$passwords" "$AIRFLOW_HOME/simple_auth_passwords.json"
    export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=$AIRFLOW_HOME/simple_auth_passwords.json
fi

exec airflow api-server --host 0.0.0.0 --port 8080
