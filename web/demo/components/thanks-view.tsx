/** Thanks the customer after the order. */
import { formatPrice } from "../catalog.ts";
import { lastOrder } from "../order.ts";

export function ThanksView() {
  const order = lastOrder();
  return (
    <section class="notice" data-testid="thanks">
      <svg class="thanks-mark" viewBox="0 0 64 64" aria-hidden="true">
        <circle cx="32" cy="32" r="30" />
        <path d="m20 33 8.5 8.5L45 24" />
      </svg>
      <h1>Thank you{order ? `, ${order.name.split(" ")[0]}` : ""}</h1>
      {order && (
        <p>
          Order <code data-testid="order-id">{order.id}</code> over {formatPrice(order.total)} is on no way at all.
        </p>
      )}
      <p>Its events are, though: into three tiers, each once.</p>
      <div class="notice-links">
        <a class="primary" href="/" data-testid="thanks-dashboard-link">
          See them arrive
        </a>
        <a class="secondary" href="#/" data-testid="continue-shopping">
          Keep looking
        </a>
      </div>
    </section>
  );
}
