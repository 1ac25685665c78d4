/** Places an order, and tracks the customer, the products and the total. */
import { emptyCart, lineProperties, totals } from "./cart.ts";
import { CURRENCY } from "./catalog.ts";
import { go } from "./router.ts";
import { load, randomId, save } from "./session-store.ts";
import { customerId, identify, track } from "./shop-analytics.ts";

export interface Order {
  id: string;
  name: string;
  total: number;
}

/** The last order placed in this tab, for the thank-you page. */
export function lastOrder(): Order | undefined {
  return load<Order | undefined>("order", undefined);
}

export function placeOrder(name: string): void {
  const { subtotal, shipping, tax, total } = totals.value;
  const order: Order = { id: randomId("order").slice(0, 14), name, total };
  identify(customerId(), { name });
  track("Order Completed", {
    order_id: order.id,
    affiliation: "Nook demo shop",
    subtotal,
    shipping,
    tax,
    total,
    revenue: subtotal,
    currency: CURRENCY,
    products: lineProperties(),
  });
  save("order", order);
  emptyCart();
  go("#/thanks");
}
