#!/bin/sh
# Make the secrets of compose.yaml, each with a random value, and keep those that are there: deployments/compose/make-secrets.sh
# The folder may be entered by its owner only; the files in it are readable, since containers read them as other users.
set -eu
folder=${1:-secrets}
umask 022
mkdir -p "$folder/agents"
chmod 700 "$folder"
word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# write NAME: standard input becomes the file, unless it is there.
write() { if [ -e "$folder/$1" ]; then cat > /dev/null; else cat > "$folder/.new" && mv "$folder/.new" "$folder/$1" && echo "made $folder/$1"; fi; }

for name in postgres_password records_password prefect_password nats_platform_password nats_publisher_password; do
  word | write "$name"
done
head -c 32 /dev/urandom | write signing.key
printf 'postgresql://commandcenter:%s@postgres:5432/commandcenter' "$(cat "$folder/records_password")" | write database_url
printf 'postgresql+asyncpg://prefect:%s@postgres:5432/prefect' "$(cat "$folder/prefect_password")" | write prefect_database_url
printf 'commandcenter:%s' "$(word)" | write prefect_auth
printf 'nats://platform:%s@nats:4222' "$(cat "$folder/nats_platform_password")" | write nats_url
write nats_auth.conf <<EOF
# The platform may do everything in its account; a publisher may send events and hear what became of them.
authorization {
  users = [
    { user: platform, password: "$(cat "$folder/nats_platform_password")" }
    { user: publisher, password: "$(cat "$folder/nats_publisher_password")", permissions: {
        publish: { allow: [">"], deny: ["\$JS.>", "\$SYS.>", "\$KV.>", "\$O.>", "_INBOX.>",
          "workflow.started.*", "workflow.completed.*", "workflow.approval.*", "agent.executed.*"] }
        subscribe: ["_INBOX.>", "workflow.started.*", "workflow.completed.*", "workflow.approval.*", "agent.executed.*"]
    } }
  ]
}
EOF
# One person to begin with. The token itself is kept nowhere: it is shown once, here.
if [ ! -e "$folder/people.json" ]; then
  token=$(word)
  digest=$(printf '%s' "$token" | sha256sum | cut -d ' ' -f 1)
  printf '{"%s": {"name": "%s", "projectId": 1}}\n' "$digest" "${FIRST_PERSON:-operator}" | write people.json
  echo "token of ${FIRST_PERSON:-operator} for the API, shown this once: $token"
fi
