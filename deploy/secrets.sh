#!/usr/bin/env bash
# Makes every secret that deploy/compose.yaml mounts, each in a file of its own that only its reader can read. What is
# there already is left alone. Run as root, because the files belong to the users inside the containers.
#
#   deploy/secrets.sh [FOLDER]     default: deploy/secrets
set -euo pipefail

app=10001 database=999 cache=999 alertmanager=65534
folder=${1:-$(dirname "$0")/secrets}

if [ "$(id -u)" -ne 0 ]; then
    echo "secrets: run as root (sudo deploy/secrets.sh): the files belong to the users inside the containers" >&2
    exit 20
fi
command -v openssl >/dev/null || { echo "secrets: openssl is missing. On Debian: apt-get install openssl" >&2; exit 20; }

umask 077
mkdir -p "$folder/trusted"
cd "$folder"

missing() { [ ! -e "$1" ]; }
word() { openssl rand -hex 24; }
keep() { # keep OWNER FILE: what came on stdin, whole or not at all
    cat >"$2.part"
    chown "$1:$1" "$2.part"
    chmod 0400 "$2.part"
    mv "$2.part" "$2"
    echo "made $folder/$2"
}

# One password, two files: what the server is told and what the client uses are made together or not at all.
if missing postgres_roles.sql; then
    airflow=$(word) celery=$(word) mlops=$(word)
    printf 'postgresql+psycopg2://airflow:%s@postgres:5432/airflow' "$airflow" | keep $app airflow_database_url
    printf 'db+postgresql+psycopg2://celery:%s@postgres:5432/celery' "$celery" | keep $app celery_result_url
    # libpq reads this one itself (PGSERVICEFILE), so the ledger's password is in no environment.
    printf '[mlops]\nhost=postgres\nport=5432\ndbname=mlops\nuser=mlops\npassword=%s\n' "$mlops" |
        keep $app ledger_service.conf
    for role in airflow celery mlops; do
        printf "CREATE ROLE %s LOGIN PASSWORD '%s';\nCREATE DATABASE %s OWNER %s;\n" "$role" "${!role}" "$role" "$role"
        printf 'REVOKE ALL ON DATABASE %s FROM PUBLIC;\n' "$role"
    done | keep $database postgres_roles.sql
fi
if missing redis_users.acl; then
    broker=$(word)
    printf 'redis://airflow:%s@redis:6379/0' "$broker" | keep $app broker_url
    hash=$(printf '%s' "$broker" | sha256sum)
    printf 'user default off\nuser probe on nopass -@all +ping\nuser airflow on #%s ~* &* +@all -@admin\n' "${hash%% *}" |
        keep $cache redis_users.acl
fi

if missing postgres_password; then word | tr -d '\n' | keep $database postgres_password; fi
if missing fernet_key; then openssl rand -base64 32 | tr '+/' '-_' | tr -d '\n' | keep $app fernet_key; fi
if missing jwt_secret; then word | tr -d '\n' | keep $app jwt_secret; fi
if missing api_secret_key; then word | tr -d '\n' | keep $app api_secret_key; fi
if missing simple_auth_passwords; then
    printf '{"engineer": "%s", "approver": "%s"}\n' "$(word)" "$(word)" | keep $app simple_auth_passwords
fi
if missing raw_key; then openssl rand 64 | keep $app raw_key; fi
if missing signing.pem; then
    # The public half goes first and earlier ones stay: what they signed must still verify.
    private=$(openssl genpkey -algorithm ed25519 -outform PEM)
    public=trusted/$(date --utc +%Y%m%dT%H%M%S).pem
    openssl pkey -pubout -out "$public" <<<"$private"
    echo "made $folder/$public"
    keep $app signing.pem <<<"$private"
fi
chmod 0755 trusted && chmod -f 0444 trusted/*.pem
if missing smtp_password; then
    printf '' | keep $alertmanager smtp_password
    echo "secrets: smtp_password is empty: write Alertmanager's mail password into it" >&2
fi
