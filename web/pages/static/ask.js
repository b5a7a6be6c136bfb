const PATIENCE_MS = 10000;

/** The server refuses: `message` is its own sentence. */
export class Refused extends Error {
  constructor(status, message, retryAfterMs) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs; // when the server wants to be asked again; null where it does not say
  }

  /** Whether another token might help. */
  get wantsToken() {
    return this.status === 401 || this.status === 403;
  }
}

/** Ask the HTTP API; `token` may be null. Throws `Refused`, or an Error that says that nobody answers. */
export async function ask(path, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(`/api/v1/${path}`, { headers, signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => {
    throw new Error("The server does not answer.");
  });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const waitS = Number(answer.headers.get("Retry-After"));
  const message = body.error?.message ?? `The server answers with status ${answer.status}.`;
  throw new Refused(answer.status, message, waitS > 0 ? waitS * 1000 : null);
}
