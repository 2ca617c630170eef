import { expect, test } from "vitest";
import { format, totalCents } from "../src/index.js";

test("the total is the sum of all lines", () => {
  const lines = [
    { sku: "TEA", quantity: 3, unit_price_cents: 499 },
    { sku: "POT", quantity: 1, unit_price_cents: 2350 },
  ];
  expect(totalCents({ currency: "EUR", lines })).toBe(3847);
});

test("an order without lines costs nothing", () => {
  expect(totalCents({ currency: "EUR", lines: [] })).toBe(0);
});

test.each([
  [384_799, "EUR", "€3,847.99"],
  [5, "USD", "$0.05"],
  [-100, "GBP", "-£1.00"],
] as const)("%d cents are read as money", (cents, currency, text) => {
  expect(format(cents, currency)).toBe(text);
});
