import { fromBase64, fromPcm16, RATE } from "/pages/client/index.js";

/** Plays spoken translations one after the other. Events: "start" and "end" (detail: the result). */
export class Speaker extends EventTarget {
  constructor() {
    super();
    this.queue = [];
    this.current = null;
    this.played = 0;
    this.gainValue = 1;
  }

  /** Must be called once from a click or a key: browsers play nothing before. */
  wake() {
    this.context ??= new AudioContext();
    this.gain ??= new GainNode(this.context, { gain: this.gainValue });
    this.gain.connect(this.context.destination);
    return this.context.resume();
  }

  set volume(value) {
    this.gainValue = value;
    if (this.gain) this.gain.gain.value = value;
  }

  /** Queue the speech of a result; `first` plays it before what waits. */
  play(result, first = false) {
    if (first) this.queue.unshift(result);
    else this.queue.push(result);
    this.#next();
  }

  async #next() {
    if (this.current || !this.queue.length) return;
    const result = (this.current = this.queue.shift());
    try {
      await this.wake();
      const buffer = await this.#decode(result);
      await this.#sound(buffer, result);
    } catch (error) {
      this.dispatchEvent(new CustomEvent("failure", { detail: `This speech cannot be played: ${error.message}` }));
    }
    this.current = null;
    this.#next();
  }

  #sound(buffer, result) {
    return new Promise((done) => {
      const source = new AudioBufferSourceNode(this.context, { buffer });
      source.connect(this.gain);
      source.onended = () => {
        this.played += 1;
        this.dispatchEvent(new CustomEvent("end", { detail: result }));
        done();
      };
      this.dispatchEvent(new CustomEvent("start", { detail: result }));
      source.start();
    });
  }

  #decode({ tts_audio: speech, tts_format: format }) {
    const bytes = fromBase64(speech);
    if (format === "pcm16") return this.#buffer(fromPcm16(bytes), RATE);
    if (format === "opus") return this.#opus(bytes);
    return this.context.decodeAudioData(bytes.buffer);
  }

  #buffer(samples, sampleRate) {
    const buffer = new AudioBuffer({ length: Math.max(1, samples.length), sampleRate });
    buffer.copyToChannel(samples, 0);
    return buffer;
  }

  /** Opus as the protocol frames it: a 16-bit little-endian length before each packet. */
  async #opus(bytes) {
    if (!("AudioDecoder" in window)) throw new Error("this browser does not decode Opus packets");
    const parts = [];
    let failure = null;
    const decoder = new AudioDecoder({
      output: (data) => {
        const samples = new Float32Array(data.numberOfFrames);
        data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
        parts.push([samples, data.sampleRate]);
        data.close();
      },
      error: (error) => { failure = error; },
    });
    decoder.configure({ codec: "opus", sampleRate: RATE, numberOfChannels: 1 });
    const view = new DataView(bytes.buffer);
    for (let at = 0, time = 0; at + 2 <= bytes.length; time += 20000) {
      const size = view.getUint16(at, true);
      decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: time, data: bytes.subarray(at + 2, at + 2 + size) }));
      at += 2 + size;
    }
    await decoder.flush().catch((error) => { failure ??= error; });
    if (failure) throw failure;
    const whole = new Float32Array(parts.reduce((size, [samples]) => size + samples.length, 0));
    parts.reduce((at, [samples]) => (whole.set(samples, at), at + samples.length), 0);
    return this.#buffer(whole, parts[0]?.[1] ?? RATE);
  }
}
