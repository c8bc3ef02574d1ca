#!/bin/sh
# Replace credentials of the running stack without losing a run:
#   deployments/compose/rotate.sh postgres|nats|prefect|signing-key|grafana|all
# Runs go on: each part is started again with the new secret, and what it had in hand is handed back and taken over.
# COMPOSE is how Compose is called (`docker compose`), SECRETS the folder of the secrets (`secrets`), WAIT_SECONDS how long
# parts may take to be healthy again (300).
set -eu
cd "$(dirname "$0")/../.."
compose=${COMPOSE:-docker compose}
folder=${SECRETS:-secrets}
make=deployments/compose/make-secrets.sh
parts="server listener worker api docker-worker"
say() { echo "rotate: $1"; }
start_again() { $compose up --detach --force-recreate --no-deps --wait --wait-timeout "${WAIT_SECONDS:-300}" "$@"; }
running() { [ -n "$($compose ps --quiet --status running "$1")" ]; }
here() { for name in $parts; do if running "$name"; then echo "$name"; fi; done; }
# Where a step fails, call this again: every step makes new secrets and puts them into use.
renew() { for name in "$@"; do rm -f "$folder/$name"; done; "$make" "$folder" > /dev/null; }
alter() { printf "ALTER ROLE %s PASSWORD '%s'" "$1" "$(cat "$folder/$2")" | $compose exec --no-TTY postgres psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$3" --dbname postgres; }
key() { $compose run --rm --no-deps --no-TTY --user "$(id -u):$(id -g)" --workdir /tmp --volume "$(cd "$folder" && pwd):/rotated" deploy commandcenter signing-key "$1" /rotated/signing.key; }

# Each change_… makes new secrets and leaves the services that have to be started again in $again.
again=""
change_postgres() {
  # Connections that are open stay so; those that are refused meanwhile are tried again.
  superuser=${POSTGRES_SUPERUSER:-postgres}
  renew postgres_password records_password prefect_password database_url prefect_database_url
  alter "$superuser" postgres_password "$superuser"
  alter commandcenter records_password "$superuser"
  alter prefect prefect_password "$superuser"
  again="$again $(here)"
}
change_nats() {
  renew nats_platform_password nats_publisher_password nats_url nats_auth.conf nats_ca.pem nats_cert.pem nats_key.pem
  again="$again nats $(here | grep -vx -e worker -e server -e docker-worker || true)"
  say "publishers of events need $folder/nats_publisher_password and $folder/nats_ca.pem again"
}
change_prefect() { renew prefect_auth; again="$again $(here)"; }
change_grafana() {
  renew grafana_password
  if running grafana; then
    $compose exec --no-TTY grafana grafana cli admin reset-admin-password --password-from-stdin \
      < "$folder/grafana_password" > /dev/null
  fi
}
# The first of three steps; the others follow once all parts have the file of this one.
change_signing_key() { key add; again="$again $(signers)"; }
signers() { here | grep -vx -e server -e docker-worker || true; }

[ $# -gt 0 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
case " $* " in *" all "*) set -- postgres nats prefect grafana signing-key ;; esac
for what in "$@"; do
  case $what in
    postgres) change_postgres ;;
    nats) change_nats ;;
    prefect) change_prefect ;;
    grafana) change_grafana ;;
    signing-key) change_signing_key ;;
    *) echo "rotate: there is no credential '$what': postgres, nats, prefect, signing-key, grafana or all" >&2; exit 2 ;;
  esac
done
[ -z "$again" ] || start_again $(printf '%s\n' $again | sort -u)
case " $* " in
  *" signing-key "*)
    key use && start_again $(signers)
    key retire && start_again $(signers)
    ;;
esac
say "new credentials: $*"
