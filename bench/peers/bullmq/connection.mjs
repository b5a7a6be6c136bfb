// Connections to the Valkey that both processes use; BullMQ wants them ready-made in a module like this.
import { Redis } from "ioredis";

export const QUEUE = "bench";
export const connect = () => new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
