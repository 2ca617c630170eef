import fs from "node:fs";
import { chmodSync } from "node:fs";

export function run(path: string) {
  // ruleid: llm-broad-file-permissions-typescript
  fs.chmodSync(path, 0o777);
  // ruleid: llm-broad-file-permissions-typescript
  fs.chmod(path, "666", () => console.log("done"));
  // ruleid: llm-broad-file-permissions-typescript
  chmodSync(path, 0o777);
  // ok: llm-broad-file-permissions-typescript
  fs.writeFileSync(path, "text", { mode: 0o666 });
  // ok: llm-broad-file-permissions-typescript
  fs.chmodSync(path, 0o600);
  // ok: llm-broad-file-permissions-typescript
  fs.writeFileSync(path, "text", { mode: 0o640 });
  // ok: llm-broad-file-permissions-typescript
  fetch(path, { mode: "cors" });
}
