/**
 * What has been said: one entry for each utterance of each speaker, with its texts, speech and steps.
 *
 * Event "change" (detail: the entry) whenever one is new or different. Times are in ms of this page's clock.
 */
export class Conversation extends EventTarget {
  /** `passesOn(session)`: whether only others are given the results of what it says, as in a room. */
  constructor(passesOn = () => false) {
    super();
    this.passesOn = passesOn;
    this.entries = [];
    this.byKey = new Map();
    this.names = new Map(); // of the speakers in a room, by session
    this.beganMs = performance.now();
  }

  take(message) {
    const steps = {
      ui_event: () => this.#step(message),
      asr_partial: () => this.#partial(message),
      translation_result: () => this.#result(message),
      missing_result: () => this.#missing(message),
    };
    steps[message.type]?.();
  }

  #entry({ session_id: session, utterance_index: index }) {
    const key = `${session} ${index}`;
    let entry = this.byKey.get(key);
    if (!entry) {
      entry = {
        key, session, index, heard: "", partial: true, translated: "", speech: null, failure: "", silent: false,
        passedOn: false, done: false, node: "", steps: [], startMs: performance.now() - this.beganMs, endMs: null,
      };
      this.byKey.set(key, entry);
      this.entries.push(entry);
    }
    return entry;
  }

  #changed(entry) {
    this.dispatchEvent(new CustomEvent("change", { detail: entry }));
  }

  #step(message) {
    const entry = this.#entry(message);
    const nowMs = performance.now() - this.beganMs;
    const { event, hint } = message;
    if (event === "INPUT_ENDED") entry.endMs = nowMs;
    if (message.node_id) entry.node = message.node_id;
    if (event === "ERROR") entry.failure = hint ?? message.error_code ?? "It failed. Please say it again.";
    if (event === "ERROR" && !message.job_id) entry.done = true; // refused: nothing else comes
    if (LAST.has(event) && this.passesOn(entry.session)) {
      entry.passedOn = entry.done = true;
      entry.partial = false;
    }
    if (event === "ASR_PARTIAL" && entry.steps.some((step) => step.event === event)) return;
    entry.steps.push({ event, atMs: nowMs, node: message.node_id ?? "", hint });
    this.#changed(entry);
  }

  #partial(message) {
    const entry = this.#entry(message);
    if (entry.done && !entry.passedOn) return; // the words may be of a slower job than the one that ended
    entry.heard = message.text;
    entry.partial = !message.is_final;
    this.#changed(entry);
  }

  #result(message) {
    const entry = this.#entry(message);
    entry.heard = message.text_asr || entry.heard;
    entry.translated = message.text_translated;
    entry.failure = "";
    entry.speech = message.tts_audio ? message : null;
    entry.timings = message.service_timings ?? null;
    this.#end(entry, "RESULT");
  }

  #missing(message) {
    const entry = this.#entry(message);
    entry.silent = message.reason === "silence_detected";
    entry.failure = entry.silent ? "" : entry.failure || "No translation. Please say it again.";
    if (message.reason === "cancelled") entry.failure = "Cancelled.";
    this.#end(entry, "MISSING");
  }

  #end(entry, event) {
    const nowMs = performance.now() - this.beganMs;
    entry.partial = false;
    entry.done = true;
    entry.endMs ??= nowMs;
    entry.steps.push({ event, atMs: nowMs, node: "", hint: "" });
    this.#changed(entry);
  }

  /** The session began anew: what was under way in the former one gets no answer any more. */
  giveUp(exceptSession) {
    for (const entry of this.entries) {
      if (entry.done || entry.session === exceptSession) continue;
      entry.failure = "The connection was lost. Please say it again.";
      this.#end(entry, "MISSING");
    }
  }
}

/** The last that a speaker hears of a job whose result others are given. */
const LAST = new Set(["ASR_FINAL", "NMT_DONE", "ERROR"]);

const WORDS = {
  INPUT_STARTED: "heard", INPUT_ENDED: "cut", WAITING: "waiting", DISPATCHED: "placed", NODE_ACCEPTED: "accepted",
  ASR_PARTIAL: "first words", ASR_FINAL: "recognised", NMT_DONE: "translated", RESULT: "spoken", MISSING: "ended",
  ERROR: "failed",
};
const REASONS = {
  manual: "by hand", pause: "pause", speech_end: "end of speech", max_duration: "length", max_length: "size", close: "goodbye",
};

/** The steps of an utterance for people: [{word, note, ms}], ms since it was cut; null before that. */
export function journey(entry) {
  const cut = entry.steps.find((step) => step.event === "INPUT_ENDED")?.atMs;
  return entry.steps.map(({ event, atMs, node, hint }) => ({
    word: event === "RESULT" && !entry.speech ? "delivered" : WORDS[event] ?? event.toLowerCase(),
    note: event === "INPUT_ENDED" ? REASONS[hint] ?? "" : event === "DISPATCHED" && node ? `on ${node}` : "",
    ms: cut === undefined || atMs <= cut ? null : Math.round(atMs - cut),
  }));
}
