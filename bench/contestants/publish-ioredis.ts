import { Redis } from "ioredis";
import { envelope } from "./envelope.js";
import { publishAll, task } from "./measure.js";

const redis = new Redis(task.url, { enableAutoPipelining: true });
await publishAll(() => redis.lpush(task.queue, envelope(task.queue)));
await redis.quit();
