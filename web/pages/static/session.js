import { RATE, toBase64 } from "/pages/pcm.js";

const SLOW_MS = 500; // how far apart a server that is busy wants chunks
const PAUSE_MS = 5000; // how long PAUSE lasts when the server does not say
const KEPT_CHUNKS = 900; // unacknowledged audio kept for a resume: a minute and a half
const HEARTBEAT_MS = 25000;
const LONGEST_WAIT_MS = 15000;
const KEPT_BEFORE = 100; // pieces of 100 ms spoken before the session is open
const FINAL = new Set([1000, 1002, 1003, 1007, 1008, 1009, 4001, 4004]); // closes that coming back would not mend

/** Milliseconds after which a close reason asks back ("come back in N s"), at most 5 min, stretched a little. */
const hintMs = (reason) => {
  const told = /come back in (\d+(?:\.\d+)?) ?s\b/.exec(reason);
  return told ? Math.min(300, Number(told[1])) * 1000 * (1 + Math.random() / 4) : null;
};

/** Where the token of who speaks is kept: in this tab only. */
export const TOKEN = "client-token";

const url = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/session`;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * One conversation with the server, over as many sockets as it takes.
 *
 * Events: "state" (detail: idle, connecting, open, lost), "message" (detail: a message of the server),
 * "fresh" (a new session began; detail: its id, and whether one was lost for it).
 */
export class Session extends EventTarget {
  constructor() {
    super();
    this.languages = null;
    this.ack = null;
    this.state = "idle";
    this.attempt = 0; // which call of open() is the valid one
    this.askedBackMs = null; // when a server that closed wants to see us again
    this.#forget();
  }

  #forget() {
    this.offset = 0;
    this.seq = 0;
    this.kept = [];
    this.pending = [];
    this.holdUntil = 0;
    this.slowUntil = 0;
    this.lastSent = 0;
    this.ack = null;
  }

  get id() {
    return this.ack?.session_id ?? "";
  }

  /** Be connected, speaking `src` and hearing `tgt`; a session in other languages ends first. */
  async open(src, tgt) {
    const same = this.languages?.src === src && this.languages?.tgt === tgt;
    if (this.state !== "idle" && same) return this.opening;
    const spoken = this.state === "idle" ? this.pending : [];
    this.close();
    this.pending = spoken;
    this.languages = { src, tgt };
    this.opening = this.#connect(this.attempt);
    return this.opening;
  }

  close() {
    this.attempt += 1;
    if (this.state === "open") this.send({ type: "session_close", session_id: this.id, reason: "done" });
    // The old socket may still bring what was said on it.
    this.socket = null;
    this.#forget();
    this.#become("idle");
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Send pcm16 as soon as the server takes it. */
  speak(bytes) {
    this.pending.push(bytes);
    if (this.ack) this.#flush();
    else this.pending.splice(0, this.pending.length - KEPT_BEFORE);
  }

  /** End the utterance by hand. */
  finish() {
    if (this.ack) this.#chunk(this.#gathered(), true);
  }

  /** Milliseconds until the server takes audio again; 0 for now. */
  get holdMs() {
    const now = performance.now();
    const slow = now < this.slowUntil ? this.lastSent + SLOW_MS - now : 0;
    return Math.max(0, this.holdUntil - now, slow);
  }

  #gathered() {
    const whole = new Uint8Array(this.pending.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of this.pending.splice(0)) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  #flush() {
    if (!this.pending.length || this.timer) return;
    if (this.holdMs > 0) {
      this.timer = setTimeout(() => { this.timer = 0; this.#flush(); }, this.holdMs);
      return;
    }
    this.#chunk(this.#gathered(), false);
  }

  #chunk(bytes, isFinal) {
    const chunk = {
      type: "audio_chunk", session_id: this.id, seq: this.seq, is_final: isFinal,
      payload: toBase64(bytes), client_timestamp_ms: Date.now(),
    };
    this.seq += 1;
    this.lastSent = performance.now();
    if (this.ack?.resume_token) this.kept = [...this.kept.slice(1 - KEPT_CHUNKS), chunk];
    this.send(chunk);
  }

  async #connect(attempt) {
    for (let tries = 0; attempt === this.attempt; tries += 1) {
      this.#become(this.ack || tries ? "lost" : "connecting");
      const stepMs = tries ? Math.min(LONGEST_WAIT_MS, 500 * 2 ** tries) * (0.5 + Math.random() / 2) : 0;
      const waitMs = this.askedBackMs ?? stepMs;
      this.askedBackMs = null;
      if (waitMs) await pause(waitMs);
      if (attempt !== this.attempt || (await this.#dial(attempt))) return;
    }
  }

  /** One try; true when a session is open, or when there is no use in trying again. */
  #dial(attempt) {
    return new Promise((done) => {
      const socket = new WebSocket(url());
      this.socket = socket;
      const beat = setInterval(() => {
        if (socket === this.socket) this.send({ type: "client_heartbeat", session_id: this.id, timestamp: Date.now() });
      }, HEARTBEAT_MS);
      socket.onopen = () => {
        if (socket === this.socket) socket.send(JSON.stringify(this.#init()));
        else socket.close();
      };
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "session_init_ack" && socket === this.socket) {
          this.#begin(message);
          done(true);
        }
        this.#take(message, socket);
      };
      socket.onclose = ({ code, reason }) => {
        clearInterval(beat);
        const ours = socket === this.socket && attempt === this.attempt;
        if (ours) this.askedBackMs = hintMs(reason);
        if (ours && FINAL.has(code)) this.close();
        else if (ours && this.state === "open") this.opening = this.#connect(attempt);
        done(!ours || FINAL.has(code));
      };
    });
  }

  #init() {
    const ack = this.ack;
    const resume = ack?.resume_token && {
      session_id: ack.session_id, token: ack.resume_token, epoch: ack.epoch, offset: this.offset,
    };
    const credential = sessionStorage.getItem(TOKEN);
    return {
      ...(credential ? { credential } : {}),
      type: "session_init", client_version: "speech-dispatch-page", platform: "web",
      src_lang: this.languages.src, tgt_lang: this.languages.tgt, audio_format: "pcm16", sample_rate: RATE,
      vad: true, journey: true, resumable: true, ...(resume ? { resume } : {}),
    };
  }

  #begin(ack) {
    const again = ack.resumed === true;
    const lost = !again && this.ack !== null;
    const unheard = again ? this.kept.filter((chunk) => chunk.seq >= (ack.audio_seq ?? 0)) : [];
    const spoken = this.pending;
    if (!again) this.#forget();
    this.pending = spoken;
    this.ack = ack;
    this.kept = unheard;
    unheard.forEach((chunk) => this.send(chunk));
    this.#become("open");
    if (!again) this.dispatchEvent(new CustomEvent("fresh", { detail: { session: ack.session_id, lost } }));
    this.#flush();
  }

  #take(message, socket) {
    if (socket === this.socket) {
      if (message.type === "audio_ack") this.kept = this.kept.filter((chunk) => chunk.seq >= message.seq);
      if (message.type === "backpressure") this.#heed(message);
      if (message.offset !== undefined && message.type !== "session_init_ack") {
        if (message.offset <= this.offset) return; // had before the connection was lost
        this.offset = message.offset;
      }
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  #heed({ action, resume_after_ms: statedMs }) {
    const now = performance.now();
    if (action === "PAUSE") this.holdUntil = now + (statedMs ?? PAUSE_MS);
    else this.slowUntil = now + (statedMs ?? PAUSE_MS);
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
