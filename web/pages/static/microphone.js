import { RATE } from "/pages/pcm.js";

/** Opens the microphone and hands on pieces of float samples at 16 kHz, about 100 ms each. */
export class Microphone {
  constructor(onPiece) {
    this.onPiece = onPiece;
    this.stream = null;
    this.context = null;
  }

  get open() {
    return this.stream !== null;
  }

  /** Throws what getUserMedia throws: nobody allowed it, or there is none. */
  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    // The context's rate resamples: what comes out has 16 kHz whatever the device has.
    this.context = new AudioContext({ sampleRate: RATE });
    await this.context.audioWorklet.addModule("/pages/capture.js");
    const node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => this.onPiece(data);
    this.context.createMediaStreamSource(this.stream).connect(node);
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
    this.stream = this.context = null;
  }
}
