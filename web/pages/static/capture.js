// Runs on the audio thread: gathers the microphone's samples and hands on pieces of about 100 ms.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(Math.round(sampleRate / 10));
    this.filled = 0;
  }

  process([input]) {
    const samples = input[0];
    if (!samples) return true;
    for (let at = 0; at < samples.length; ) {
      const some = samples.subarray(at, at + this.piece.length - this.filled);
      this.piece.set(some, this.filled);
      this.filled += some.length;
      at += some.length;
      if (this.filled === this.piece.length) {
        this.port.postMessage(this.piece.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
