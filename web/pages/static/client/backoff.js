const FIRST_MS = 500;
const LAST_MS = 15000;
const LONGEST_HINT_MS = 300000;

/** Milliseconds that a server asks us to stay away for ("come back in N s" in a close reason), or null. */
export function hintMs(reason) {
  const told = /come back in (\d+(?:\.\d+)?) ?s\b/.exec(reason ?? "");
  return told ? Math.min(LONGEST_HINT_MS, Number(told[1]) * 1000) : null;
}

/**
 * Milliseconds to wait before the next try, after so many failures in a row.
 *
 * Drawn evenly from the whole step: clients that lost the same server do not come back in the same moment.
 */
export function delayMs(failures, askedMs = null, random = Math.random) {
  if (askedMs !== null) return askedMs * (1 + random() / 4);
  return failures ? Math.min(LAST_MS, FIRST_MS * 2 ** (failures - 1)) * random() : 0;
}
