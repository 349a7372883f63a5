#!/bin/bash
# Reads an appointment, confirms it, and shows its events and messages.
#
#   ODYS_URL=https://api.example.com ODYS_TOKEN=… examples/curl.sh APPOINTMENT_ID
#
# ODYS_CA names a CA file, if the system does not trust the CA.
set -euo pipefail

: "${ODYS_URL:?the address of the service}" "${ODYS_TOKEN:?a token of the professional}"
appointment=$ODYS_URL/api/appointments/${1:?the id of an appointment}

# The token is passed by a file descriptor: on the command line, every user of the host could read it.
call() {
    curl --silent --show-error --fail-with-body --max-time 30 ${ODYS_CA:+--cacert "$ODYS_CA"} \
        --header @<(printf 'Authorization: Bearer %s\n' "$ODYS_TOKEN") "$@"
}

# The allowed actions, and the version (ETag).
head=$(mktemp)
trap 'rm -f "$head"' EXIT
call --dump-header "$head" "$appointment"
echo
etag=$(sed -n 's/^etag: *//Ip' "$head" | tr -d '\r')

# Idempotency-Key: executed once, however often curl retries. If-Match: only if the appointment has not changed.
call --request PATCH --retry 5 --retry-connrefused \
    --header 'Content-Type: application/json' --header "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" \
    --header "If-Match: $etag" --data '{"action": "confirm"}' "$appointment"
echo

call "$appointment/history"
echo
