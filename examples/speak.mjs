// Speak a WAV recording (16 bit, mono) to a server and read the translation:
//
//   node --experimental-websocket examples/speak.mjs tests/data/jfk.wav en pt [ws://127.0.0.1:5010/ws/session]
//
// (Node 22 and later need no flag. In a project: npm install speech-dispatch-client, and import from that.)
import { readFile } from "node:fs/promises";
import { RATE, Session } from "../web/pages/static/client/index.js";

const [file, src, tgt, url = "ws://127.0.0.1:5010/ws/session"] = process.argv.slice(2);
const wav = await readFile(file);
const data = wav.indexOf("data") + 8; // where the samples begin
const session = new Session(url, { sampleRate: wav.readUInt32LE(24) || RATE });

session.addEventListener("state", ({ detail: state }) => console.error(state));
session.addEventListener("error", ({ detail: error }) => console.error(`${error.code}: ${error.message}`));

await session.open(src, tgt);
const answers = session.answers();
for (let at = data; at < wav.length; at += 8192) session.speak(wav.subarray(at, at + 8192));
session.end().catch(() => {}); // `answers` tells it as well
for await (const answer of answers) {
  if (answer.type === "sentence") console.log(`${answer.heard} → ${answer.translated} (${answer.speech?.length ?? 0} bytes of speech)`);
  else console.log(`nothing: ${answer.reason}`);
}
