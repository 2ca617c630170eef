import type { Currency, NewOrder } from "./types.js";

/** The total of an order, in cents; the service computes the same. */
export function totalCents(order: NewOrder): number {
  return order.lines.reduce((sum, line) => sum + line.quantity * line.unit_price_cents, 0);
}

/** Cents as people read them. */
export function format(cents: number, currency: Currency, locale = "en"): string {
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(cents / 100);
}
