import child_process from "node:child_process";
import { exec, execSync } from "node:child_process";

export function run(name: string) {
  // ruleid: llm-shell-unvalidated-input-typescript
  child_process.exec(`convert ${name}.png`);
  // ruleid: llm-shell-unvalidated-input-typescript
  execSync("ls " + name);
  // ruleid: llm-shell-unvalidated-input-typescript
  child_process.spawn(name, [], { shell: true });
  // ruleid: llm-shell-unvalidated-input-typescript
  exec(name, () => {});
  // ok: llm-shell-unvalidated-input-typescript
  child_process.exec("ls -l");
  // ok: llm-shell-unvalidated-input-typescript
  execSync("ls -l");
  // ok: llm-shell-unvalidated-input-typescript
  child_process.execFile("convert", [name]);
  // ok: llm-shell-unvalidated-input-typescript
  child_process.spawn("ls", [name]);
  // ok: llm-shell-unvalidated-input-typescript
  /a+/.exec(name);
}
