import { answersOf } from "./answers.js";
import { delayMs, hintMs } from "./backoff.js";
import { errorOf, SpeechDispatchError } from "./errors.js";
import { eventsOf } from "./events.js";
import { chunkFor } from "./frames.js";
import { Line } from "./line.js";
import { Outgoing } from "./outgoing.js";
import { RATE } from "./pcm.js";
import { Room } from "./room.js";

const FINAL = new Set([1000, 1002, 1003, 1007, 1008, 1009, 4001, 4004]); // closes that coming back would not mend
const DEFAULTS = {
  sampleRate: RATE, vad: true, journey: false, init: {}, patienceMs: 60000, bufferedBytes: 8 << 20, WebSocket: null,
};
const OPEN_MS = 10000;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const lost = (sentence, closeCode = null) => new SpeechDispatchError("WS_DISCONNECTED", sentence, { closeCode });
const isFinal = ({ closeCode, retryAfterMs }) => (closeCode === null ? retryAfterMs === null : FINAL.has(closeCode));

/**
 * One conversation with the server, over as many sockets as it takes. Events, each with a `detail`:
 *
 * "state": idle, connecting, open or lost; "session": a connection began, { id, resumed, historyLost };
 * "retry": a `SpeechDispatchError`, why there is no connection; it is tried again by itself;
 * "sentence", "missing", "partial", "step", "error": see `eventsOf`; "room": see `Room`;
 * "message": every message of the server as it came; "end": the session is over, null or why.
 */
export class Session extends EventTarget {
  #generation = 0; // which conversation is the present one
  #line = null;
  #timer = 0;
  #offset = 0;
  #goodbye = null; // { reason, said, done, failed, promise }
  #askedMs = null;

  /** `urls`: ws://host:port/ws/session, or a list of servers of one cell; options: see index.d.ts. */
  constructor(urls, options = {}) {
    super();
    this.urls = [urls].flat();
    this.options = { ...DEFAULTS, ...options };
    this.WebSocket = this.options.WebSocket ?? globalThis.WebSocket;
    if (!this.WebSocket) {
      throw new Error(
        "There is no WebSocket here: take Node 22, start Node 20 with --experimental-websocket, or pass one in the options.",
      );
    }
    this.languages = null;
    this.state = "idle";
    this.ack = null;
    this.room = new Room(this);
    this.outgoing = new Outgoing(this.options.bufferedBytes);
  }

  /** The id the server gave; "" before. */
  get id() {
    return this.ack?.session_id ?? "";
  }

  /** Milliseconds until the server takes audio again; 0 for now. */
  get holdMs() {
    return this.outgoing.holdMs;
  }

  /**
   * Be connected, speaking `src` and hearing `tgt`; a conversation in other languages is closed first.
   *
   * Resolves to the server's `session_init_ack`. Rejects with a `SpeechDispatchError`: it will not have us, or
   * none of the servers answered within `patienceMs`.
   */
  open(src, tgt) {
    const same = this.languages?.src === src && this.languages?.tgt === tgt;
    if (this.state !== "idle" && same) return this.opening;
    const spoken = this.state === "idle" ? this.outgoing : new Outgoing(this.options.bufferedBytes);
    this.close();
    this.outgoing = spoken;
    this.languages = { src, tgt };
    return this.#start();
  }

  /** Speak pcm16, mono, at `sampleRate`; it is sent as soon as the server takes it, and again after a loss. */
  speak(bytes) {
    const dropped = this.outgoing.push(bytes);
    if (dropped) {
      const sentence = `${dropped} bytes of speech were dropped: no server took them in time.`;
      this.tell("error", new SpeechDispatchError("AUDIO_DROPPED", sentence));
    }
    this.#flush();
  }

  /** End the utterance by hand. */
  finish() {
    this.outgoing.finish();
    this.#flush();
  }

  /** Say goodbye; resolves when everything said was sent and answered. Rejects if that cannot be. */
  end(reason = "done") {
    if (this.state === "idle") return Promise.resolve();
    if (!this.#goodbye) {
      this.#goodbye = { reason, said: false };
      this.#goodbye.promise = new Promise((done, failed) => Object.assign(this.#goodbye, { done, failed }));
    }
    this.#flush();
    return this.#goodbye.promise;
  }

  /** End now: what was said and is on the way is still answered, in events, unless the connection is lost. */
  close() {
    if (this.state === "open") this.send({ type: "session_close", session_id: this.id, reason: "done" });
    this.#finishUp(null);
  }

  /** Nobody wants this utterance any more; it ends in "missing". */
  cancel(utterance) {
    this.send({ type: "utterance_cancel", session_id: this.id, utterance_index: utterance });
  }

  /** Send a message of the protocol as it is, or the bytes of a binary frame, if there is a connection. */
  send(message) {
    this.#line?.send(message);
  }

  /** Every sentence and missing result from now on, one for each utterance, in order, until the session ends. */
  answers() {
    return answersOf(this);
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #start(problem = lost("No server answered.")) {
    this.opening = this.#connect(this.#generation, problem);
    this.opening.catch(() => {}); // whoever awaits it is told; nobody need
    return this.opening;
  }

  async #connect(generation, problem) {
    const until = performance.now() + this.options.patienceMs;
    for (let failures = 0; ; failures += 1) {
      const again = this.ack !== null || failures > 0;
      this.#become(again ? "lost" : "connecting");
      const waitMs = delayMs(failures, this.#askedMs);
      this.#askedMs = null;
      if (performance.now() + waitMs > until) return this.#fail(problem);
      if (again) this.tell("retry", problem);
      if (waitMs) await pause(waitMs);
      if (generation === this.#generation) problem = await this.#dial(generation);
      if (generation !== this.#generation) return this.#superseded();
      if (!problem) return this.ack;
      if (isFinal(problem)) return this.#fail(problem);
      this.urls.push(this.urls.shift());
    }
  }

  /** One try: null when the session is open, else why it is not. */
  #dial(generation) {
    return new Promise((answer) => {
      const done = (problem) => { clearTimeout(timer); answer(problem); };
      const isOurs = () => line === this.#line && generation === this.#generation;
      const timer = setTimeout(() => line?.giveUp("the server did not answer in time"), OPEN_MS);
      const line = this.#newLine(done, {
        onOpen: () => (isOurs() ? line.send(this.#init()) : line.close()),
        onMessage: (message) => this.#hear(message, line, done),
        onEnd: ({ code, reason }) => {
          const closed = lost(reason || `The connection was closed (${code}).`, code);
          if (isOurs()) this.#lose(closed);
          done(closed);
        },
        beat: () => isOurs() && this.id && { type: "client_heartbeat", session_id: this.id, timestamp: Date.now() },
      });
      this.#line = line;
    });
  }

  #newLine(done, told) {
    try {
      return new Line(this.WebSocket, this.urls[0], told);
    } catch (error) {
      done(new SpeechDispatchError("INVALID_URL", `${this.urls[0]} is no WebSocket address: ${error.message}`));
      return null;
    }
  }

  #hear(message, line, opened) {
    const isOurs = line === this.#line;
    if (isOurs && message.type === "session_init_ack") {
      this.#begin(message);
      opened(null);
    } else if (isOurs && message.type === "error" && this.state !== "open") {
      this.#askedMs = message.details?.retry_after_ms ?? null;
      opened(errorOf(message));
      this.#line = null;
      line.close();
    } else if (isOurs && !this.#isNew(message)) return;
    this.tell("message", message);
    eventsOf(message).forEach(([type, detail]) => this.tell(type, detail));
    if (message.type === "session_close_ack") line.close();
    if (!isOurs) return;
    this.room.take(message);
    if (message.type === "session_close_ack") this.#finishUp(null);
  }

  /** Whether a message was not had before the connection was lost; notes what it says about our speech. */
  #isNew({ type, offset, ...message }) {
    if (type === "audio_ack") this.outgoing.heard(message.seq);
    if (type === "backpressure") this.outgoing.heed(message);
    if (offset === undefined) return true;
    const isNew = offset > this.#offset;
    this.#offset = Math.max(this.#offset, offset);
    return isNew;
  }

  #init() {
    const { sampleRate, vad, journey, init } = this.options;
    const { session_id, resume_token: token, epoch } = this.ack ?? {};
    return {
      type: "session_init", client_version: "speech-dispatch-js", platform: "web", src_lang: this.languages.src,
      tgt_lang: this.languages.tgt, audio_format: "pcm16", sample_rate: sampleRate, vad, journey, resumable: true,
      binary_frames: true, ...init,
      ...(token ? { resume: { session_id, token, epoch, offset: this.#offset } } : {}),
    };
  }

  #begin(ack) {
    const resumed = ack.resumed === true;
    const wentBack = resumed && (ack.audio_seq ?? 0) < this.outgoing.heardSeq; // what it acknowledged is gone
    const historyLost = this.ack !== null && (!resumed || ack.history_lost === true || wentBack);
    this.ack = ack;
    this.#offset = ack.offset ?? 0;
    if (this.#goodbye) this.#goodbye.said = false;
    this.outgoing.release();
    this.outgoing.heard(ack.audio_seq ?? 0);
    this.outgoing.kept.forEach((chunk) => this.send(chunkFor(ack, chunk)));
    this.#become("open");
    this.tell("session", { id: this.id, resumed, historyLost });
    this.room.begin(resumed);
    this.#flush();
  }

  #flush() {
    if (this.state !== "open" || this.#timer) return;
    for (;;) {
      const { holdMs } = this.outgoing;
      if (holdMs > 0) {
        this.#timer = setTimeout(() => { this.#timer = 0; this.#flush(); }, holdMs);
        return;
      }
      const chunk = this.outgoing.next(Boolean(this.ack.resume_token));
      if (!chunk) break;
      this.send(chunkFor(this.ack, chunk));
    }
    if (this.#goodbye && !this.#goodbye.said) {
      this.#goodbye.said = true;
      this.send({ type: "session_close", session_id: this.id, reason: this.#goodbye.reason });
    }
  }

  #lose(closed) {
    const asked = hintMs(closed.message);
    if (asked !== null) this.#askedMs = asked;
    if (this.state !== "open") return; // `#connect` goes on
    if (isFinal(closed)) this.#finishUp(closed);
    else this.#start(closed);
  }

  #fail(problem) {
    this.#finishUp(problem);
    throw problem;
  }

  #superseded() {
    if (this.state !== "idle") return this.opening;
    throw new SpeechDispatchError("SESSION_CLOSED", "The session was closed before it was open.");
  }

  #finishUp(error) {
    const [was, goodbye] = [this.state, this.#goodbye];
    this.#generation += 1;
    this.#line = null; // it may still bring what was said on it
    clearTimeout(this.#timer);
    this.#timer = this.#offset = 0;
    this.#goodbye = this.ack = null;
    this.outgoing = new Outgoing(this.options.bufferedBytes);
    if (was === "idle") return;
    this.room.end(error ?? new SpeechDispatchError("SESSION_CLOSED", "The session was closed."));
    if (error) goodbye?.failed(error);
    else goodbye?.done();
    this.#become("idle");
    this.tell("end", error);
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.tell("state", state);
  }
}
