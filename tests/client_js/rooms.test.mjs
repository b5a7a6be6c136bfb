import assert from "node:assert/strict";
import test from "node:test";
import { newProxy, newSession, next, said, URLS } from "./helpers.mjs";

test("two talk in a room across two servers, each hears its own language", async () => {
  const [ada, rui] = [newSession(URLS[0]), newSession(URLS[1])];
  await Promise.all([ada.open("en", "pt"), rui.open("pt", "en")]);
  const code = await ada.room.create({ name: "Ada" });
  const both = next(ada, "room", ({ members }) => members.length === 2);
  assert.equal(await rui.room.join(code, { name: "Rui" }), code);
  assert.deepEqual((await both).members.map((member) => member.display_name).sort(), ["Ada", "Rui"]);

  const heard = next(rui, "sentence");
  ada.speak(said("hello, Rui"));
  ada.finish();
  const sentence = await heard;
  assert.equal(sentence.translated, "[en-pt] hello, Rui");
  assert.equal(sentence.session, ada.id);

  const alone = next(ada, "room", ({ members }) => members.length === 1);
  rui.room.leave();
  await alone;
  assert.equal(rui.room.code, "");
  await Promise.all([ada.end(), rui.end()]);
  assert.equal(ada.room.code, "");
});

test("a room that is not there is told", async () => {
  const session = newSession();
  await session.open("en", "pt");
  await assert.rejects(session.room.join("000000"), { code: "ROOM_NOT_FOUND" });
  await assert.rejects(session.room.join("x"), { code: "INVALID_ROOM_CODE" });
  await session.end();
});

test("who lost its connection is in the room again", async () => {
  const proxy = await newProxy();
  const [ada, rui] = [newSession(proxy.url), newSession(URLS[1])];
  await Promise.all([ada.open("en", "pt"), rui.open("pt", "en")]);
  const code = await rui.room.create({ name: "Rui" });
  await ada.room.join(code, { name: "Ada" });
  const back = next(ada, "session");
  proxy.cut();
  assert.equal((await back).resumed, true);
  const heard = next(ada, "sentence");
  rui.speak(said("are you there"));
  rui.finish();
  assert.equal((await heard).translated.trim(), "[pt-en] are you there");
  await Promise.all([ada.end(), rui.end()]);
  proxy.end();
});
