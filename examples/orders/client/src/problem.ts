import type { Problem } from "./types.js";

/** The service refused, and said why. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly problem: Problem,
    /** When to try again, if the service said so. */
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(`${problem.status} ${problem.title}${problem.detail ? `: ${problem.detail}` : ""}`);
  }
}

function isProblem(value: unknown): value is Problem {
  return (
    typeof value === "object" &&
    value !== null &&
    "type" in value &&
    typeof value.type === "string" &&
    "title" in value &&
    typeof value.title === "string" &&
    "status" in value &&
    typeof value.status === "number"
  );
}

/** The error of a response; also of one that a proxy on the way has written. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const body: unknown = await response.json().catch(() => undefined);
  const problem = isProblem(body)
    ? body
    : { type: "about:blank", title: response.statusText || "Error", status: response.status };
  const wait = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new ProblemError(problem, Number.isNaN(wait) ? undefined : wait);
}
