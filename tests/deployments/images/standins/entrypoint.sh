#!/bin/sh
# With arguments: NATS. Without: PostgreSQL, made on an empty folder with the scripts of /docker-entrypoint-initdb.d.
set -eu
[ $# -gt 0 ] && exec nats-server "$@"
data=/var/lib/postgresql/data
as() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
chown -R postgres $data
mkdir -p /run/postgresql && chown postgres /run/postgresql
if [ ! -e $data/PG_VERSION ]; then
  as initdb -D $data --username postgres --pwfile "$POSTGRES_PASSWORD_FILE" --encoding UTF8 --locale C.UTF-8 --auth-local=trust --auth-host=scram-sha-256
  echo 'host all all all scram-sha-256' >> $data/pg_hba.conf
  as pg_ctl -D $data -w start -o '-c listen_addresses='
  for script in /docker-entrypoint-initdb.d/*; do as sh "$script"; done
  as pg_ctl -D $data -w stop
fi
exec setpriv --reuid postgres --regid postgres --init-groups postgres -D $data -c listen_addresses='*'
