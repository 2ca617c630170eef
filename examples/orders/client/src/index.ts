export { OrdersClient, type ListOptions, type Options } from "./client.js";
export { format, totalCents } from "./money.js";
export { ProblemError } from "./problem.js";
export type {
  Currency,
  Line,
  NewOrder,
  Order,
  OrderPage,
  OrderState,
  Problem,
} from "./types.js";
