// ODYS_URL=https://api.example.com ODYS_TOKEN=… node confirm.mjs APPOINTMENT_ID
// NODE_EXTRA_CA_CERTS names a CA file, if Node does not trust the CA.

import { webcrypto } from "node:crypto";
import { act, history, read, OdysError } from "./odys.mjs";

// Node 18 has no global crypto.
globalThis.crypto ??= webcrypto;

const { ODYS_URL: base, ODYS_TOKEN: token } = process.env;
const id = process.argv[2];

try {
  const { allowedActions, etag } = await read(base, token, id);
  console.log(`allowed: ${allowedActions.join(", ")}`);
  const { appointment } = await act(base, token, id, { action: "confirm" }, { etag });
  console.log(`${appointment.status}, version ${appointment.version}`);
  for (const message of (await history(base, token, id)).messages) {
    console.log(`${message.channel} to the ${message.to}: ${message.template}, ${message.state}`);
  }
} catch (error) {
  console.error(error instanceof OdysError ? `${error.code}: ${error.message}` : `${error}`);
  process.exitCode = 1;
}
