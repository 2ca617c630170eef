export async function run(redis: any, client: any) {
  // ruleid: llm-xadd-without-maxlen-typescript
  await redis.xadd("orders", "*", "id", "1");
  // ruleid: llm-xadd-without-maxlen-typescript
  await client.xAdd("orders", "*", { id: "1" });
  // ok: llm-xadd-without-maxlen-typescript
  await redis.xadd("orders", "MAXLEN", "~", 1000, "*", "id", "1");
  // ok: llm-xadd-without-maxlen-typescript
  await client.xAdd("orders", "*", { id: "1" }, { TRIM: { strategy: "MAXLEN", threshold: 1000 } });
}
