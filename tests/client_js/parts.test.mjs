import assert from "node:assert/strict";
import test from "node:test";
import { Resampler, Session, fromBase64, fromPcm16, toBase64, toPcm16 } from "../../web/pages/static/client/index.js";
import { delayMs, hintMs } from "../../web/pages/static/client/backoff.js";
import { chunkFor } from "../../web/pages/static/client/frames.js";
import { Line } from "../../web/pages/static/client/line.js";
import { Outgoing } from "../../web/pages/static/client/outgoing.js";

const zeros = (size) => new Uint8Array(size);

test("delays grow, are drawn from the whole step, and heed what the server asks", () => {
  const most = () => 1;
  assert.deepEqual([0, 1, 2, 3, 9].map((failures) => delayMs(failures, null, most)), [0, 500, 1000, 2000, 15000]);
  assert.equal(delayMs(3, null, () => 0), 0);
  assert.equal(delayMs(0, 4000, most), 5000);
  assert.equal(hintMs("the server restarts, come back in 3 s"), 3000);
  assert.equal(hintMs("come back in 9999 s"), 300000);
  assert.equal(hintMs("bye"), null);
});

test("speech is cut into chunks of bounded size, and only the last of an utterance is final", () => {
  const outgoing = new Outgoing(1 << 20);
  outgoing.push(zeros(100000));
  outgoing.finish();
  outgoing.push(zeros(10));
  const chunks = [];
  for (let chunk = outgoing.next(true); chunk; chunk = outgoing.next(true)) chunks.push(chunk);
  assert.deepEqual(chunks.map(({ bytes, isFinal }) => [bytes.length, isFinal]), [[65536, false], [34464, true], [10, false]]);
  assert.deepEqual(outgoing.kept.map(({ seq }) => seq), [0, 1, 2]);
  outgoing.heard(2);
  assert.deepEqual(outgoing.kept.map(({ seq }) => seq), [2]);
  assert.equal(outgoing.size, 10);
  outgoing.finish();
  assert.deepEqual([outgoing.next(true).isFinal, outgoing.next(true)], [true, null]);
});

test("binary frames are byte for byte what the server's own code writes", () => {
  const ack = { session_id: "s-ü", use_binary_frame: true };
  const spokenMs = 0x012389abcdef;
  const packed = (seq, bytes, isFinal) =>
    Buffer.from(chunkFor(ack, { seq, bytes: Uint8Array.from(bytes), isFinal, spokenMs })).toString("hex");
  // Of `pack_audio` in scheduling/messages/binary.py, with the same arguments.
  assert.equal(packed(7, [1, 2], false), "010407000000efcdab890000732dc3bc0102");
  assert.equal(packed(8, [3, 4], true), "010408000000efcdab890100732dc3bc0304");
  assert.equal(packed(9, [], true), "020409000000efcdab89732dc3bc");
});

test("beyond the limit the oldest speech is dropped, and that is told", () => {
  const outgoing = new Outgoing(100);
  assert.equal(outgoing.push(zeros(60)), 0);
  outgoing.next(true);
  assert.equal(outgoing.push(zeros(60)), 60);
  assert.equal(outgoing.kept.length, 0);
  assert.equal(outgoing.push(zeros(60)), 60);
  assert.equal(outgoing.size, 60);
  assert.equal(outgoing.push(zeros(200)), 260);
  assert.equal(outgoing.size, 0);
});

test("a server that asks for a pause gets one, and one that is slow gets chunks apart", () => {
  const outgoing = new Outgoing(100);
  assert.equal(outgoing.holdMs, 0);
  outgoing.heed({ action: "SLOW_DOWN", resume_after_ms: 60000 });
  assert.equal(outgoing.holdMs, 0);
  outgoing.push(zeros(2));
  outgoing.next(true);
  assert.ok(outgoing.holdMs > 0 && outgoing.holdMs <= 500);
  outgoing.heed({ action: "PAUSE", resume_after_ms: 60000 });
  assert.ok(outgoing.holdMs > 50000);
  outgoing.release();
  assert.equal(outgoing.holdMs, 0);
});

test("a line that no longer answers is given up at the next heartbeat, once", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const sent = [];
  class Silent {
    readyState = 1;
    send(text) { sent.push(JSON.parse(text).type); }
    close() { this.onclose({ code: 1005, reason: "" }); }
  }
  const ends = [];
  const told = { onMessage: () => {}, onEnd: (end) => ends.push(end), beat: () => ({ type: "client_heartbeat" }) };
  const line = new Line(Silent, "ws://x", told);
  context.mock.timers.tick(15000);
  line.socket.onmessage({ data: "{}" });
  context.mock.timers.tick(15000);
  assert.deepEqual([sent.length, ends.length], [2, 0]);
  context.mock.timers.tick(15000);
  assert.deepEqual([sent.length, ends.length], [2, 1]);
});

test("samples survive their ways", () => {
  const samples = Float32Array.from([0, 0.5, -0.5, 1, -1]);
  const back = fromPcm16(fromBase64(toBase64(toPcm16(samples))));
  back.forEach((sample, at) => assert.ok(Math.abs(sample - samples[at]) < 1e-3));
  const slower = new Resampler(48000);
  const pieces = [slower.push(new Float32Array(1000)), slower.push(new Float32Array(2000))];
  assert.equal(pieces[0].length + pieces[1].length, 1000);
});

test("without a WebSocket there is a sentence that helps", (context) => {
  const { WebSocket } = globalThis;
  delete globalThis.WebSocket;
  context.after(() => { globalThis.WebSocket = WebSocket; });
  assert.throws(() => new Session("ws://x"), /--experimental-websocket/);
  assert.ok(new Session("ws://x", { WebSocket }));
});
