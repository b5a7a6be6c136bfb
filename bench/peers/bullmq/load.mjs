// Round trips of BullMQ: jobs in flight for a time, then one at a time; prints JSON as the other peers do.
// One listener for all results: `waitUntilFinished` asks Redis once more for every job.
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { Queue, QueueEvents } from "bullmq";
import { connect, QUEUE } from "./connection.mjs";

const number = (value) => ({ type: "string", default: String(value) });
const { values } = parseArgs({
  options: {
    "in-flight": number(200), "warm-s": number(1), seconds: number(4), "single-s": number(0),
    "audio-bytes": number(400),
  },
});
const option = (name) => Number(values[name]);
const payload = randomBytes(option("audio-bytes")).toString("base64");
const queue = new Queue(QUEUE, { connection: connect() });
const events = new QueueEvents(QUEUE, { connection: connect() });
const waiting = new Map();
const early = new Set();
events.on("completed", ({ jobId }) => {
  const done = waiting.get(jobId);
  if (done) {
    waiting.delete(jobId);
    done();
  } else {
    early.add(jobId); // the result was faster than the answer to `add`
  }
});
await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);

async function roundTrip() {
  const job = await queue.add("echo", { payload });
  if (early.delete(job.id)) return;
  await new Promise((done) => waiting.set(job.id, done));
}

async function many(inFlight, seconds) {
  const times = [];
  const until = performance.now() + seconds * 1000;
  const one = async () => {
    for (let began = performance.now(); began < until; began = performance.now()) {
      await roundTrip();
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  return times;
}

const round = (value) => Math.round(value * 1000) / 1000;
const at = (sorted, share) =>
  round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
await roundTrip();
await many(option("in-flight"), option("warm-s"));
const began = performance.now();
const count = (await many(option("in-flight"), option("seconds"))).length;
const perSecond = count / ((performance.now() - began) / 1000);
const single = (await many(1, option("single-s"))).sort((a, b) => a - b);
console.log(JSON.stringify({
  per_s: round(perSecond),
  single: { count: single.length, p50_ms: at(single, 0.5), p99_ms: at(single, 0.99), max_ms: at(single, 1) },
}));
process.exit(0);
