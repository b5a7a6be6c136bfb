export { SpeechDispatchError } from "./errors.js";
export { fromBase64, fromPcm16, RATE, Resampler, toBase64, toPcm16 } from "./pcm.js";
export { Session } from "./session.js";
