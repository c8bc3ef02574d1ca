#!/bin/sh
# Make the secrets of compose.yaml, each with a random value, and keep those that are there: deployments/compose/make-secrets.sh
# The folder may be entered by its owner only; the files in it are readable, since containers read them as other users.
set -eu
folder=${1:-secrets}
umask 022
mkdir -p "$folder/agents"
chmod 700 "$folder"
# The project whose events the user `publisher` publishes: as compose.yaml has it.
project=${PROJECT_ID:-$(sed -n 's/^PROJECT_ID=//p' "$(dirname "$0")/../../.env" 2> /dev/null || true)}
project=${project:-1}
case $project in 0* | *[!0-9]*) echo "PROJECT_ID is '$project': it is the number of a project, as 1" >&2; exit 2 ;; esac
word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# write NAME: standard input becomes the file, unless it is there.
write() { if [ -e "$folder/$1" ]; then cat > /dev/null; else cat > "$folder/.new" && mv "$folder/.new" "$folder/$1" && echo "made $folder/$1"; fi; }

for name in postgres_password records_password prefect_password nats_platform_password nats_publisher_password grafana_password; do
  word | write "$name"
done
head -c 32 /dev/urandom | write signing.key
printf 'postgresql://commandcenter:%s@postgres:5432/commandcenter' "$(cat "$folder/records_password")" | write database_url
printf 'postgresql+asyncpg://prefect:%s@postgres:5432/prefect' "$(cat "$folder/prefect_password")" | write prefect_database_url
printf 'commandcenter:%s' "$(word)" | write prefect_auth
printf 'tls://platform:%s@nats:4222' "$(cat "$folder/nats_platform_password")" | write nats_url
write nats_auth.conf <<EOF
# The platform may do everything in its account. A publisher has one of its own, without streams: what it sends arrives in
# the platform's under a subject with its project and its name, which NATS writes; it hears what became of its project's runs.
accounts {
  COMMANDCENTER {
    # Two streams may hold 1 GiB each, and that of a project what its limits say. Full, NATS refuses new events: it never fills the disk.
    jetstream { max_memory: 64MB, max_file: 4GB, max_streams: 16, max_consumers: 256 }
    users = [ { user: platform, password: "$(cat "$folder/nats_platform_password")" } ]
    exports = [ { service: "commandcenter.in.>" }, { stream: "commandcenter.out.>" } ]
  }
  PROJECT_${project}_publisher {
    users = [
      { user: publisher, password: "$(cat "$folder/nats_publisher_password")", permissions: {
          publish: { allow: [">"], deny: ["\$JS.>", "\$SYS.>", "\$KV.>", "\$O.>", "_INBOX.>", "commandcenter.>",
            "workflow.started.*", "workflow.completed.*", "workflow.approval.*", "agent.executed.*"] }
          subscribe: ["_INBOX.>", "workflow.started.*", "workflow.completed.*", "workflow.approval.*", "agent.executed.*"]
      } }
    ]
    imports = [
      { service: { account: COMMANDCENTER, subject: "commandcenter.in.$project.publisher.>" }, to: ">" }
      { stream: { account: COMMANDCENTER, subject: "commandcenter.out.$project.>" }, to: ">" }
    ]
  }
  # What the server says of itself is for nobody who sends events.
  SYS { users = [] }
}
system_account: SYS
EOF
# An authority of this stack's own, whose key is thrown away: it signs the certificate of NATS, once.
if [ ! -e "$folder/nats_cert.pem" ]; then
  command -v openssl > /dev/null || { echo "openssl is needed to make the certificate of NATS: install it, and call this again" >&2; exit 1; }
  made=$(mktemp -d)
  names="DNS:nats,DNS:localhost,IP:127.0.0.1${NATS_NAMES:+,$NATS_NAMES}"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=commandcenter nats authority" \
    -addext keyUsage=critical,keyCertSign -keyout "$made/ca.key" -out "$made/ca.pem" 2> /dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=nats" -keyout "$made/key.pem" -out "$made/request.pem" 2> /dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n' "$names" > "$made/extensions"
  openssl x509 -req -in "$made/request.pem" -CA "$made/ca.pem" -CAkey "$made/ca.key" -CAcreateserial -days 1825 \
    -extfile "$made/extensions" -out "$made/cert.pem" 2> /dev/null
  rm -f "$folder/nats_ca.pem" "$folder/nats_key.pem"
  write nats_ca.pem < "$made/ca.pem"
  write nats_key.pem < "$made/key.pem"
  write nats_cert.pem < "$made/cert.pem"
  rm -rf "$made"
fi
# One person to begin with. The token itself is kept nowhere: it is shown once, here.
if [ ! -e "$folder/people.json" ]; then
  token=$(word)
  digest=$(printf '%s' "$token" | sha256sum | cut -d ' ' -f 1)
  printf '{"%s": {"name": "%s", "projectId": 1}}\n' "$digest" "${FIRST_PERSON:-operator}" | write people.json
  echo "token of ${FIRST_PERSON:-operator} for the API, shown this once: $token"
fi
