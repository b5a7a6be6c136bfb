// The worker: gives back what came; finished jobs are removed at once.
import { Worker } from "bullmq";
import { connect, QUEUE } from "./connection.mjs";

const worker = new Worker(QUEUE, async (job) => job.data.payload, {
  connection: connect(),
  concurrency: 100,
  removeOnComplete: { count: 0 },
});
process.on("SIGTERM", () => worker.close(true).then(() => process.exit(0)));
