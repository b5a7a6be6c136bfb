import { errorOf } from "./errors.js";
import { fromBase64 } from "./pcm.js";

/**
 * What a message of the server tells an application, as [[event, detail]]. In all: `session` is the speaker's
 * (in a room another's), `utterance` counts from 0.
 *
 * "sentence": { heard, translated, speech, format }; speech is bytes in that format, null for none.
 * "missing": { reason }; the utterance has ended without a result.
 * "partial": { text, isFinal }; what was recognised so far.
 * "step": { event, node, hint, code }; how far it is, more with the option `journey`.
 * "error": a `SpeechDispatchError`.
 */
export function eventsOf(message) {
  const about = { session: message.session_id, utterance: message.utterance_index };
  switch (message.type) {
    case "translation_result":
      return [["sentence", { ...about, ...texts(message), ...speech(message), message }]];
    case "missing_result":
      return [["missing", { ...about, reason: message.reason, message }]];
    case "asr_partial":
      return [["partial", { ...about, text: message.text, isFinal: message.is_final, message }]];
    case "ui_event":
      return [["step", { ...about, ...step(message), message }]];
    case "error":
    case "room_error":
      return [["error", errorOf(message)]];
    default:
      return [];
  }
}

const texts = ({ text_asr: heard, text_translated: translated }) => ({ heard: heard ?? "", translated: translated ?? "" });

const speech = ({ tts_audio: audio, tts_format: format }) => ({ speech: audio ? fromBase64(audio) : null, format: format ?? "" });

const step = ({ event, node_id: node, hint, error_code: code }) => ({ event, node: node ?? "", hint: hint ?? "", code: code ?? "" });
