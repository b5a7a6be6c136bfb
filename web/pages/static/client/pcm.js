// Samples as the server wants them: pcm16, mono, 16 kHz.
export const RATE = 16000;

/** Float samples (-1 to 1) to the bytes of pcm16, little-endian. */
export function toPcm16(samples) {
  const view = new DataView(new ArrayBuffer(samples.length * 2));
  samples.forEach((sample, at) => {
    const clipped = Math.max(-1, Math.min(1, sample));
    view.setInt16(at * 2, Math.round(clipped * 32767), true);
  });
  return new Uint8Array(view.buffer);
}

/** Bytes of pcm16 to float samples. */
export function fromPcm16(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength >> 1 }, (_, at) => view.getInt16(at * 2, true) / 32768);
}

export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Brings a stream of float samples to 16 kHz: each sample is the mean of those it stands for. */
export class Resampler {
  constructor(rate) {
    this.step = rate / RATE;
    this.rest = new Float32Array(0);
    this.from = 0; // where the next sample begins in `rest`, in samples of the device
  }

  push(samples) {
    const all = new Float32Array(this.rest.length + samples.length);
    all.set(this.rest);
    all.set(samples, this.rest.length);
    const out = [];
    for (; this.from + this.step <= all.length; this.from += this.step) {
      const [first, last] = [Math.floor(this.from), Math.max(Math.floor(this.from) + 1, Math.floor(this.from + this.step))];
      let sum = 0;
      for (let at = first; at < last; at += 1) sum += all[at];
      out.push(sum / (last - first));
    }
    const used = Math.floor(this.from);
    this.rest = all.slice(used);
    this.from -= used;
    return Float32Array.from(out);
  }
}
