#!/bin/sh
# Replace credentials of the running stack without losing a run:
#   deployments/compose/rotate.sh postgres|nats|prefect|signing-key|grafana|all
# Runs go on: each part is started again with the new secret, and what it had in hand is handed back and taken over.
# COMPOSE is how Compose is called (`docker compose`), SECRETS the folder of the secrets (`secrets`).
set -eu
cd "$(dirname "$0")/../.."
compose=${COMPOSE:-docker compose}
folder=${SECRETS:-secrets}
make=deployments/compose/make-secrets.sh
parts="server listener worker api docker-worker"
say() { echo "rotate: $1"; }
start_again() { $compose up --detach --force-recreate --no-deps --wait --wait-timeout 300 "$@"; }
running() { [ -n "$($compose ps --quiet --status running "$1")" ]; }
here() { for name in $parts; do if running "$name"; then echo "$name"; fi; done; }
# Old files are kept until the new ones are in use: a step that fails is done again by calling this again.
renew() { for name in "$@"; do rm -f "$folder/$name"; done; "$make" "$folder" > /dev/null; }
alter() { printf "ALTER ROLE %s PASSWORD '%s'" "$1" "$(cat "$folder/$2")" | $compose exec --no-TTY postgres psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$3" --dbname postgres; }
key() { $compose run --rm --no-deps --no-TTY --user "$(id -u):$(id -g)" --volume "$(cd "$folder" && pwd):/rotated" deploy commandcenter signing-key "$1" /rotated/signing.key; }

rotate_postgres() {
  # Connections that are open stay so; those that are refused meanwhile are tried again.
  superuser=${POSTGRES_SUPERUSER:-postgres}
  renew postgres_password records_password prefect_password database_url prefect_database_url
  alter "$superuser" postgres_password "$superuser"
  alter commandcenter records_password "$superuser"
  alter prefect prefect_password "$superuser"
  start_again $(here)
}
rotate_nats() {
  renew nats_platform_password nats_publisher_password nats_url nats_auth.conf nats_ca.pem nats_cert.pem nats_key.pem
  start_again nats
  start_again $(here | grep -vx -e worker -e server -e docker-worker)
  say "publishers of events need secrets/nats_publisher_password and secrets/nats_ca.pem again"
}
rotate_prefect() { renew prefect_auth; start_again $(here); }
rotate_signing_key() {
  users=$(here | grep -vx -e server -e docker-worker)
  key add && start_again $users
  key use && start_again $users
  key retire && start_again $users
}
rotate_grafana() {
  renew grafana_password
  if running grafana; then
    $compose exec --no-TTY grafana grafana cli admin reset-admin-password --password-from-stdin \
      < "$folder/grafana_password" > /dev/null
  fi
}

[ $# -gt 0 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
for what in "$@"; do
  case $what in
    postgres) rotate_postgres ;;
    nats) rotate_nats ;;
    prefect) rotate_prefect ;;
    signing-key) rotate_signing_key ;;
    grafana) rotate_grafana ;;
    all) rotate_postgres; rotate_nats; rotate_prefect; rotate_signing_key; rotate_grafana ;;
    *) echo "rotate: there is no credential '$what': postgres, nats, prefect, signing-key, grafana or all" >&2; exit 2 ;;
  esac
  say "$what has new credentials"
done
