import { problemOf } from "./problem.js";
import type { NewOrder, Order, OrderPage, OrderState } from "./types.js";

export interface Options {
  readonly baseUrl: string;
  /** Asked for each request, so that a token can be renewed. */
  readonly token: () => string | Promise<string>;
  readonly timeoutMs?: number;
}

export interface ListOptions {
  readonly state?: OrderState;
  /** Orders a page. */
  readonly limit?: number;
}

/** Talks to the orders service. Everything that the service refuses is thrown as a ProblemError. */
export class OrdersClient {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Order something. With the same `key` again it is the same order. */
  create(order: NewOrder, key: string = crypto.randomUUID()): Promise<Order> {
    return this.#json("POST", "v1/orders", { body: order, headers: { "Idempotency-Key": key } });
  }

  get(id: string): Promise<Order> {
    return this.#json("GET", this.#path(id));
  }

  pay(id: string, amountCents: number): Promise<Order> {
    return this.#json("POST", this.#path(id, "/payment"), { body: { amount_cents: amountCents } });
  }

  cancel(id: string): Promise<Order> {
    return this.#json("POST", this.#path(id, "/cancellation"));
  }

  ship(id: string): Promise<Order> {
    return this.#json("POST", this.#path(id, "/shipment"));
  }

  /** All orders, newest first, page by page as they are read. */
  async *list(options: ListOptions = {}): AsyncGenerator<Order, void, undefined> {
    const query = new URLSearchParams();
    if (options.state !== undefined) query.set("state", options.state);
    if (options.limit !== undefined) query.set("limit", String(options.limit));
    for (;;) {
      const page = await this.#json<OrderPage>("GET", `v1/orders?${query}`);
      yield* page.items;
      if (page.next_cursor === null) return;
      query.set("cursor", page.next_cursor);
    }
  }

  /** Make the token worthless. */
  async revokeToken(): Promise<void> {
    await this.#send("DELETE", "v1/token");
  }

  #path(id: string, action = ""): string {
    return `v1/orders/${encodeURIComponent(id)}${action}`;
  }

  async #json<T>(method: string, path: string, request: Request = {}): Promise<T> {
    const response = await this.#send(method, path, request);
    return (await response.json()) as T;
  }

  async #send(method: string, path: string, request: Request = {}): Promise<Response> {
    const headers = new Headers(request.headers);
    headers.set("Authorization", `Bearer ${await this.#options.token()}`);
    if (request.body !== undefined) headers.set("Content-Type", "application/json");
    const response = await fetch(new URL(path, this.#options.baseUrl), {
      method,
      headers,
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: AbortSignal.timeout(this.#options.timeoutMs ?? 10_000),
    });
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

interface Request {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}
