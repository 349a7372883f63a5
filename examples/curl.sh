#!/bin/bash
# Reads an appointment, confirms it if that is allowed, and shows what became of the messages.
#
#   ODYS_URL=https://api.example.com ODYS_TOKEN=… examples/curl.sh APPOINTMENT_ID
#
# ODYS_CA names a file with the certificate authority where it is not one that the system knows.
set -euo pipefail

: "${ODYS_URL:?the address of the service}" "${ODYS_TOKEN:?a token of the professional}"
appointment=$ODYS_URL/api/appointments/${1:?the id of an appointment}

# The token goes in by a file descriptor: on the command line, every user of the host could read it.
call() {
    curl --silent --show-error --fail-with-body --max-time 30 ${ODYS_CA:+--cacert "$ODYS_CA"} \
        --header @<(printf 'Authorization: Bearer %s\n' "$ODYS_TOKEN") "$@"
}

# What may be done now, and the version that was seen.
head=$(mktemp)
trap 'rm -f "$head"' EXIT
call --dump-header "$head" "$appointment"
echo
etag=$(sed -n 's/^etag: *//Ip' "$head" | tr -d '\r')

# With its key, the request is carried out once however often curl repeats it; with If-Match, only if nobody was faster.
call --request PATCH --retry 5 --retry-connrefused \
    --header 'Content-Type: application/json' --header "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" \
    --header "If-Match: $etag" --data '{"action": "confirm"}' "$appointment"
echo

call "$appointment/history"
echo
