import { toBase64 } from "./pcm.js";

const [CHUNK, FINAL] = [0x01, 0x02]; // types of binary frames, docs/protocol.md

/** A chunk of speech as the server of `ack` takes it: the bytes of a binary frame, or a message with base64. */
export function chunkFor({ session_id: session, use_binary_frame: isBinary }, chunk) {
  return isBinary ? frame(session, chunk) : message(session, chunk);
}

function frame(session, { seq, bytes, isFinal, spokenMs }) {
  const id = new TextEncoder().encode(session);
  const isEnd = isFinal && !bytes.length;
  const headSize = isEnd ? 10 : 12;
  const whole = new Uint8Array(headSize + id.length + bytes.length);
  const view = new DataView(whole.buffer);
  whole.set([isEnd ? FINAL : CHUNK, id.length]);
  view.setUint32(2, seq, true);
  view.setUint32(6, spokenMs, true); // its low 32 bits
  if (!isEnd) view.setUint8(10, isFinal);
  whole.set(id, headSize);
  whole.set(bytes, headSize + id.length);
  return whole;
}

function message(session, { seq, bytes, isFinal, spokenMs }) {
  return {
    type: "audio_chunk", session_id: session, seq, is_final: isFinal, payload: toBase64(bytes), client_timestamp_ms: spokenMs,
  };
}
