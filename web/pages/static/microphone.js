import { Resampler } from "/pages/client/index.js";

const DEAF = {
  NotAllowedError: "The browser may not use the microphone. Allow it, at the left of the address as a rule, or choose a recording.",
  NotFoundError: "There is no microphone. Connect one, or choose a recording.",
  NotReadableError: "Another program has the microphone. End that program, or choose a recording.",
};

/** Say why there is nothing to be heard, and what helps. */
export function whyDeaf(error) {
  if (!navigator.mediaDevices) {
    return "Browsers give the microphone to secure pages only. Open this page over https or from localhost, or choose a recording.";
  }
  return DEAF[error.name] ?? `The microphone cannot be used: ${error.message}. Choose a recording instead.`;
}

/** Opens the microphone and hands on pieces of float samples at 16 kHz, about 100 ms each. */
export class Microphone {
  /** `onEnd` is called when the device goes away or is forbidden meanwhile. */
  constructor(onPiece, onEnd) {
    this.onPiece = onPiece;
    this.onEnd = onEnd;
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
    this.stream.getTracks().forEach((track) => { track.onended = this.onEnd; });
    // Not every browser lets the context have another rate than the device.
    this.context = new AudioContext();
    const resampler = new Resampler(this.context.sampleRate);
    await this.context.audioWorklet.addModule("/pages/capture.js");
    const node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => this.onPiece(resampler.push(data));
    this.context.createMediaStreamSource(this.stream).connect(node);
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
    this.stream = this.context = null;
  }
}
