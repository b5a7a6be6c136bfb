const SLOW_MS = 500; // how far apart a server that is busy wants chunks
const PAUSE_MS = 5000; // how long PAUSE lasts when the server does not say
const MOST_BYTES = 1 << 16; // of audio in one chunk

/** The speech of one session on its way to the server: what waits, and what was sent and not yet heard. */
export class Outgoing {
  /** `limitBytes`: how much audio is kept; beyond it the oldest is dropped. */
  constructor(limitBytes) {
    this.limitBytes = limitBytes;
    this.waiting = []; // utterances: { pieces, isFinal }
    this.kept = []; // chunks: { seq, bytes, isFinal, spokenMs }
    this.seq = 0;
    this.heardSeq = 0; // chunks below it were acknowledged
    this.size = 0;
    this.holdUntil = 0;
    this.slowUntil = 0;
    this.lastSent = -Infinity;
  }

  /** Add speech; returns how many bytes of older speech had to be dropped for it. */
  push(bytes) {
    if (!this.waiting.length || this.waiting.at(-1).isFinal) this.waiting.push({ pieces: [], isFinal: false });
    this.waiting.at(-1).pieces.push(bytes);
    this.size += bytes.length;
    let dropped = 0;
    while (this.size > this.limitBytes) dropped += this.#drop();
    return dropped;
  }

  /** End the utterance here. */
  finish() {
    if (!this.waiting.length || this.waiting.at(-1).isFinal) this.waiting.push({ pieces: [], isFinal: true });
    else this.waiting.at(-1).isFinal = true;
  }

  /** The next chunk, which is kept when a server may ask for it again; null for none. */
  next(keep) {
    const utterance = this.waiting[0];
    if (!utterance || (!utterance.pieces.length && !utterance.isFinal)) return null;
    const bytes = this.#gather(utterance.pieces);
    const isFinal = utterance.isFinal && !utterance.pieces.length;
    if (!utterance.pieces.length) this.waiting.shift();
    const chunk = { seq: this.seq, bytes, isFinal, spokenMs: Date.now() };
    this.seq += 1;
    this.lastSent = performance.now();
    if (keep) this.kept.push(chunk);
    else this.size -= bytes.length;
    return chunk;
  }

  /** Forget what the server has heard: every chunk below `seq`. */
  heard(seq) {
    this.heardSeq = seq;
    while (this.kept.length && this.kept[0].seq < seq) this.size -= this.kept.shift().bytes.length;
  }

  /** Heed a `backpressure` message. */
  heed({ action, resume_after_ms: statedMs }) {
    const until = performance.now() + (statedMs ?? PAUSE_MS);
    if (action === "PAUSE") this.holdUntil = until;
    else this.slowUntil = until;
  }

  /** A new connection: what the former one asked for is void. */
  release() {
    this.holdUntil = this.slowUntil = 0;
  }

  /** Milliseconds until the server takes audio again; 0 for now. */
  get holdMs() {
    const now = performance.now();
    const slow = now < this.slowUntil ? this.lastSent + SLOW_MS - now : 0;
    return Math.max(0, this.holdUntil - now, slow);
  }

  #gather(pieces) {
    let left = MOST_BYTES;
    const taken = [];
    while (pieces.length && left > 0) {
      const piece = pieces.shift();
      taken.push(piece.subarray(0, left));
      if (piece.length > left) pieces.unshift(piece.subarray(left));
      left -= taken.at(-1).length;
    }
    const whole = new Uint8Array(MOST_BYTES - left);
    taken.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
    return whole;
  }

  /** Drop the oldest: a chunk that was sent long ago and never acknowledged, or the first that waits. */
  #drop() {
    let size = 0;
    if (this.kept.length) size = this.kept.shift().bytes.length;
    else if (this.waiting[0].pieces.length) size = this.waiting[0].pieces.shift().length;
    else this.waiting.shift();
    this.size -= size;
    return size;
  }
}
