export async function run(work: () => Promise<void>) {
  // ruleid: llm-bare-except-typescript
  try {
    await work();
  } catch (error) {}

  // ruleid: llm-bare-except-typescript
  try {
    await work();
  } catch {}

  // ruleid: llm-bare-except-typescript
  await work().catch(() => {});

  // ok: llm-bare-except-typescript
  try {
    await work();
  } catch (error) {
    console.error(error);
  }

  // ok: llm-bare-except-typescript
  await work().catch((error) => console.error(error));
}
