import assert from "node:assert/strict";
import test from "node:test";
import { gather, newProxy, newSession, next, said, URLS } from "./helpers.mjs";

const heardOf = (sentences) => sentences.map(({ heard }) => heard.trim());

test("a line that is cut again and again loses nothing and doubles nothing", async () => {
  const proxy = await newProxy();
  const session = newSession(proxy.url);
  await session.open("en", "pt");
  const first = session.id;
  const sentences = gather(session, "sentence");
  const texts = Array.from({ length: 12 }, (_, nth) => `sentence ${nth}`);
  for (const [nth, text] of texts.entries()) {
    session.speak(said(text));
    session.finish();
    if (nth % 4 !== 3) continue;
    const back = next(session, "session");
    proxy.cut();
    const { resumed, historyLost } = await back;
    assert.deepEqual([resumed, historyLost], [true, false]);
  }
  await session.end();
  assert.deepEqual(heardOf(sentences), texts);
  assert.equal(proxy.connections, 4);
  assert.ok(sentences.every((sentence) => sentence.session === first));
  proxy.end();
});

test("what is said while there is no connection is heard afterwards, by another server of the cell", async () => {
  const proxy = await newProxy();
  const session = newSession([proxy.url, URLS[1]]);
  await session.open("en", "pt");
  session.speak(said("before the loss "));
  proxy.closed = true;
  const lost = next(session, "state", (state) => state === "lost");
  const retry = next(session, "retry");
  proxy.cut();
  await lost;
  assert.equal((await retry).code, "WS_DISCONNECTED");
  session.speak(said("and during it"));
  session.finish();
  const sentence = await next(session, "sentence");
  assert.equal(sentence.heard.trim(), "before the loss and during it");
  await session.end();
  proxy.end();
});

test("goodbye is said again after a loss", async () => {
  const proxy = await newProxy();
  const session = newSession(proxy.url);
  await session.open("en", "pt");
  const sentences = gather(session, "sentence");
  proxy.swallows = true;
  session.speak(said("the last"));
  session.finish();
  const ended = session.end();
  proxy.swallows = false;
  proxy.cut();
  await ended;
  assert.deepEqual(heardOf(sentences), ["the last"]);
  proxy.end();
});

test("who stays away for too long begins anew, is told so, and what nobody had heard is heard", async () => {
  const proxy = await newProxy();
  const session = newSession(proxy.url);
  await session.open("en", "pt");
  const first = session.id;
  proxy.closed = true;
  proxy.cut();
  session.speak(said("after all"));
  session.finish();
  // The server keeps a session for 3 s here; tries go on meanwhile, and it is asked until it has forgotten.
  await new Promise((done) => setTimeout(done, 5000));
  const begun = next(session, "session");
  const heard = next(session, "sentence");
  proxy.closed = false;
  const { id, resumed, historyLost } = await begun;
  assert.deepEqual([resumed, historyLost, id !== first], [false, true, true]);
  assert.equal((await heard).heard.trim(), "after all");
  await session.end();
  proxy.end();
});

test("a server that is gone for good ends the session, its goodbye and its answers with the reason", async () => {
  const proxy = await newProxy();
  const session = newSession(proxy.url, { patienceMs: 300 });
  await session.open("en", "pt");
  const answers = session.answers();
  const over = next(session, "end");
  proxy.closed = true;
  proxy.cut();
  await assert.rejects(session.end(), { code: "WS_DISCONNECTED" });
  assert.equal((await over).code, "WS_DISCONNECTED");
  await assert.rejects(answers.next(), { code: "WS_DISCONNECTED" });
  assert.equal(session.state, "idle");
  proxy.end();
});
