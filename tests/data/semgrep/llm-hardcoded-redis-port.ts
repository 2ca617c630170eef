import Redis from "ioredis";
import { createClient } from "redis";

// ruleid: llm-hardcoded-redis-port-typescript
const a = new Redis(6379, "localhost");
// ruleid: llm-hardcoded-redis-port-typescript
const b = new Redis({ host: "localhost", port: 6379 });
// ruleid: llm-hardcoded-redis-port-typescript
const c = createClient({ url: "redis://localhost:6379" });
// ruleid: llm-hardcoded-redis-port-typescript
const d = createClient({ socket: { host: "localhost", port: 6379 } });
// ok: llm-hardcoded-redis-port-typescript
const e = createClient({ url: process.env.REDIS_URL });
// ok: llm-hardcoded-redis-port-typescript
const f = process.env.REDIS_URL ?? "redis://localhost:6379";
// ok: llm-hardcoded-redis-port-typescript
const g = { count: 6379 };
