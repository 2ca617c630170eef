/** The shapes of openapi.json that clients meet. Money is a whole number of cents. */

export type Currency = "EUR" | "GBP" | "USD";
export type OrderState = "new" | "paid" | "shipped" | "cancelled";

export interface Line {
  readonly sku: string;
  readonly quantity: number;
  readonly unit_price_cents: number;
}

export interface NewOrder {
  readonly currency: Currency;
  readonly lines: readonly Line[];
}

export interface Order extends NewOrder {
  readonly id: string;
  readonly customer: string;
  readonly state: OrderState;
  readonly total_cents: number;
  readonly created_at: string;
}

export interface OrderPage {
  readonly items: readonly Order[];
  readonly next_cursor: string | null;
}

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}
