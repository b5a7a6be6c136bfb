import assert from "node:assert/strict";
import test from "node:test";
import { SpeechDispatchError } from "../../web/pages/static/client/index.js";
import { gather, newSession, next, said } from "./helpers.mjs";

test("each utterance has its answer, in order, with its speech", async () => {
  const session = newSession();
  const ack = await session.open("en", "pt");
  assert.equal(ack.type, "session_init_ack");
  assert.equal(session.id, ack.session_id);
  const answers = session.answers();
  const texts = ["good morning", "how are you?", "good bye"];
  for (const text of texts) {
    session.speak(said(text));
    session.finish();
  }
  const ended = session.end();
  const had = [];
  for await (const answer of answers) had.push(answer);
  await ended;
  assert.deepEqual(had.map(({ type }) => type), ["sentence", "sentence", "sentence"]);
  assert.deepEqual(had.map(({ heard }) => heard.trim()), texts);
  assert.deepEqual(had.map(({ utterance }) => utterance), [0, 1, 2]);
  assert.equal(had[0].translated, "[en-pt] good morning");
  assert.equal(had[0].format, "pcm16");
  assert.deepEqual(had[0].speech, said("good morning"));
  assert.equal(session.state, "idle");
});

for (const binary of [true, false]) {
  test(`speech travels as ${binary ? "bytes, without base64" : "base64 where binary frames are not wanted"}`, async () => {
    const sent = [];
    class Watched extends WebSocket {
      send(data) { sent.push(data); super.send(data); }
    }
    const session = newSession(undefined, { WebSocket: Watched, ...(binary ? {} : { init: { binary_frames: false } }) });
    const ack = await session.open("en", "pt");
    assert.equal(ack.use_binary_frame, binary);
    const heard = next(session, "sentence");
    session.speak(said("one "));
    session.speak(said("two "));
    session.finish();
    assert.equal((await heard).heard, "one two ");
    await session.end();
    const chunks = sent.filter((data) => typeof data === "string" && data.includes("audio_chunk"));
    const frames = sent.filter((data) => data instanceof Uint8Array);
    assert.deepEqual([frames.length, chunks.length], binary ? [3, 0] : [0, 3]);
  });
}

test("what was said before the session was open is heard", async () => {
  const session = newSession();
  session.speak(said("too "));
  session.speak(said("early "));
  session.finish();
  const heard = next(session, "sentence");
  await session.open("en", "pt");
  assert.equal((await heard).heard, "too early ");
  await session.end();
});

test("partial texts and steps are told", async () => {
  const session = newSession(undefined, { journey: true });
  await session.open("en", "pt");
  const [partials, steps] = [gather(session, "partial"), gather(session, "step")];
  session.speak(said("one by one"));
  session.finish();
  await session.end();
  assert.ok(partials.some(({ text }) => "one by one".startsWith(text)));
  const events = steps.map(({ event }) => event);
  for (const event of ["INPUT_ENDED", "DISPATCHED", "ASR_FINAL"]) assert.ok(events.includes(event), `${event} in ${events}`);
});

test("an utterance that fails is told with its code and ends in its turn", async () => {
  const session = newSession();
  await session.open("en", "pt");
  const problem = next(session, "error");
  const answers = session.answers();
  session.speak(said("fail:TTS_TIMEOUT:no breath"));
  session.finish();
  session.speak(said("and on"));
  session.finish();
  const error = await problem;
  assert.ok(error instanceof SpeechDispatchError);
  assert.equal(error.code, "TTS_TIMEOUT");
  assert.equal(error.message, "no breath");
  assert.equal(error.retryAfterMs, 0);
  session.end();
  const had = [];
  for await (const { type, utterance } of answers) had.push([type, utterance]);
  assert.deepEqual(had, [["missing", 0], ["sentence", 1]]);
});

test("a pair that nobody serves is told, and which utterance was refused for it", async () => {
  const session = newSession();
  await session.open("en", "fr");
  const problem = next(session, "error");
  session.speak(said("bonjour"));
  session.finish();
  const error = await problem;
  assert.deepEqual([error.code, error.utterance, error.retryAfterMs], ["UNSUPPORTED_FEATURE", 0, null]);
  await session.end();
});

test("an utterance may be cancelled", async () => {
  const session = newSession();
  await session.open("en", "pt");
  const missing = next(session, "missing");
  session.speak(said("never mind"));
  session.cancel(0);
  assert.equal((await missing).reason, "cancelled");
  await session.end();
});

test("a server that will not have us says why, and is not asked again", async () => {
  const session = newSession(undefined, { sampleRate: 1 });
  await assert.rejects(session.open("en", "pt"), { name: "SpeechDispatchError", code: "INVALID_MESSAGE" });
  assert.equal(session.state, "idle");
});

test("an address that is none, and a server that is not there, are told", async () => {
  await assert.rejects(newSession("nowhere at all").open("en", "pt"), { code: "INVALID_URL" });
  const absent = newSession("ws://127.0.0.1:1/ws/session", { patienceMs: 200 });
  await assert.rejects(absent.open("en", "pt"), { code: "WS_DISCONNECTED" });
});

test("other languages are another conversation; the answers of the first still come", async () => {
  const session = newSession();
  await session.open("en", "pt");
  const first = session.id;
  const sentences = gather(session, "sentence");
  session.speak(said("last words"));
  session.finish();
  await session.open("de", "en");
  assert.notEqual(session.id, first);
  session.speak(said("guten tag!"));
  session.finish();
  await session.end();
  if (sentences.length < 2) await next(session, "sentence");
  assert.deepEqual(sentences.map(({ translated }) => translated).sort(), ["[de-en] guten tag!", "[en-pt] last words"]);
});
