// Calls Odys with fetch, in a browser or in Node 18 or newer. No dependencies.

const TRIES = 5;

/** An error response; `code` is for programs, the message for people. */
export class OdysError extends Error {
  constructor(status, problem) {
    super(problem.error);
    this.status = status;
    this.code = problem.code;
    this.problem = problem;
  }
}

async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new OdysError(response.status, body);
  return body;
}

/** @returns {Promise<{appointment: object, allowedActions: string[], notYet: object[], etag: string}>} */
export async function read(base, token, id) {
  const response = await fetch(`${base}/api/appointments/${id}`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(30_000),
  });
  return { ...(await answer(response)), etag: response.headers.get("ETag") };
}

export async function history(base, token, id) {
  return answer(await fetch(`${base}/api/appointments/${id}/history`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(30_000),
  }));
}

/**
 * Performs an action once, however often it retries: every retry has the same key.
 * Pass `etag` to act only on the version that the user has seen.
 */
export async function act(base, token, id, body, { etag, key = crypto.randomUUID() } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    let wait = 200 * 2 ** attempt;
    try {
      const response = await fetch(`${base}/api/appointments/${id}`, {
        method: "PATCH",
        headers: {
          Authorization: `Bearer ${token}`,
          "Content-Type": "application/json",
          "Idempotency-Key": key,
          ...(etag ? { "If-Match": etag } : {}),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(30_000),
      });
      wait = Number(response.headers.get("Retry-After") ?? wait / 1_000) * 1_000;
      return await answer(response);
    } catch (error) {
      // Retry if the response was lost or is retryable; any other error is final.
      const isFinal = error instanceof OdysError && error.status < 500 && error.status !== 429
        && error.code !== "idempotency_in_progress";
      if (isFinal || attempt === TRIES) throw error;
    }
    await new Promise((resolve) => { setTimeout(resolve, wait); });
  }
}
