import { RETRY_MS } from "./codes.js";

/** What went wrong: a code for programs (docs/errors.md), a sentence for people. */
export class SpeechDispatchError extends Error {
  constructor(code, message, { details = null, closeCode = null } = {}) {
    super(message);
    this.name = "SpeechDispatchError";
    this.code = code;
    this.details = details;
    /** The code a server closed the connection with; null where it did not. */
    this.closeCode = closeCode;
  }

  /** Which utterance it is about; null for none. */
  get utterance() {
    return this.details?.utterance_index ?? null;
  }

  /** Milliseconds after which saying it again may help; null: it will not, as it is. */
  get retryAfterMs() {
    return this.details?.retry_after_ms ?? RETRY_MS[this.code] ?? null;
  }
}

export const errorOf = ({ code, message, details }) => new SpeechDispatchError(code, message ?? code, { details });
