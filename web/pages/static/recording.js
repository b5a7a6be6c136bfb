import { RATE } from "/pages/client/index.js";

/** Decode a recording of any kind the browser knows to float samples at 16 kHz. */
export async function decodeFile(file) {
  const context = new OfflineAudioContext(1, 1, RATE);
  const buffer = await context.decodeAudioData(await file.arrayBuffer());
  const mono = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    buffer.getChannelData(channel).forEach((sample, at) => { mono[at] += sample / buffer.numberOfChannels; });
  }
  return mono;
}
