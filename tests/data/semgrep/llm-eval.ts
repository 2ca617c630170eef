import vm from "node:vm";

export function run(text: string, evaluator: { eval(t: string): number }) {
  // ruleid: llm-eval-typescript
  eval(text);
  // ruleid: llm-eval-typescript
  const add = new Function("a", "b", text);
  // ruleid: llm-eval-typescript
  vm.runInNewContext(text, {});
  // ok: llm-eval-typescript
  eval("1 + 1");
  // ok: llm-eval-typescript
  const one = new Function("return 1");
  // ok: llm-eval-typescript
  vm.runInNewContext("1 + 1");
  // ok: llm-eval-typescript
  return evaluator.eval(text);
}
