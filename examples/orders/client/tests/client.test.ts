import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type NewOrder, OrdersClient, ProblemError } from "../src/index.js";

const TEA: NewOrder = { currency: "EUR", lines: [{ sku: "TEA", quantity: 2, unit_price_cents: 450 }] };

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: string;
}
interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

let server: Server;
let client: OrdersClient;
let seen: Seen[];
let answers: Answer[];

beforeEach(async () => {
  seen = [];
  answers = [];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method, url, headers } = request;
    seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    const answer = answers.shift();
    if (answer === undefined) return; // hangs
    response.writeHead(answer.status, answer.headers);
    response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  client = new OrdersClient({ baseUrl: `http://127.0.0.1:${port}`, token: () => "t", timeoutMs: 500 });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

test("an order is sent with its token and a key", async () => {
  answers.push({ status: 201, body: { id: "1" } });
  expect(await client.create(TEA, "k")).toEqual({ id: "1" });
  const [request] = seen;
  expect(request).toMatchObject({ method: "POST", url: "/v1/orders" });
  expect(request?.headers).toMatchObject({
    authorization: "Bearer t",
    "content-type": "application/json",
    "idempotency-key": "k",
  });
  expect(JSON.parse(request?.body ?? "")).toEqual(TEA);
});

test("each order has a key of its own unless one is given", async () => {
  answers.push({ status: 201, body: {} }, { status: 201, body: {} });
  await client.create(TEA);
  await client.create(TEA);
  const keys = seen.map(({ headers }) => headers["idempotency-key"]);
  expect(new Set(keys).size).toBe(2);
});

test.each([
  ["payment", () => client.pay("a/b", 900), { amount_cents: 900 }],
  ["cancellation", () => client.cancel("a/b"), undefined],
  ["shipment", () => client.ship("a/b"), undefined],
])("%s is an action on one order", async (action, act, body) => {
  answers.push({ status: 200, body: { state: "?" } });
  await act();
  expect(seen[0]).toMatchObject({ method: "POST", url: `/v1/orders/a%2Fb/${action}` });
  expect(seen[0]?.body).toBe(body === undefined ? "" : JSON.stringify(body));
});

test("a list goes on until there is no cursor", async () => {
  answers.push(
    { status: 200, body: { items: [{ id: "3" }, { id: "2" }], next_cursor: "a&b" } },
    { status: 200, body: { items: [{ id: "1" }], next_cursor: null } },
  );
  const ids: string[] = [];
  for await (const order of client.list({ state: "paid", limit: 2 })) ids.push(order.id);
  expect(ids).toEqual(["3", "2", "1"]);
  expect(seen.map(({ url }) => url)).toEqual([
    "/v1/orders?state=paid&limit=2",
    "/v1/orders?state=paid&limit=2&cursor=a%26b",
  ]);
});

test("a reader who stops early asks for no further page", async () => {
  answers.push({ status: 200, body: { items: [{ id: "2" }], next_cursor: "more" } });
  for await (const _ of client.list()) break;
  expect(seen).toHaveLength(1);
});

test("a problem is thrown with what the service said", async () => {
  const problem = { type: "urn:orders:problem:too-many-requests", title: "Slow", status: 429, detail: "d" };
  answers.push({ status: 429, body: problem, headers: { "Retry-After": "7" } });
  const error = await client.get("1").catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ProblemError);
  expect(error).toMatchObject({ problem, retryAfterSeconds: 7, message: "429 Slow: d" });
});

test.each(["<html>", "null", '{"title": 1}', ""])("an error of a proxy is a problem too: %s", async (body) => {
  answers.push({ status: 502, body });
  const error = await client.revokeToken().catch((error: unknown) => error);
  expect(error).toMatchObject({
    problem: { type: "about:blank", title: "Bad Gateway", status: 502 },
    retryAfterSeconds: undefined,
  });
});

test("a service that hangs is given up", async () => {
  await expect(client.get("1")).rejects.toMatchObject({ name: "TimeoutError" });
});
