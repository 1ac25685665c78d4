/** Shows the checkout of a shop that charges nothing. The customer is made up, and the visitor can change the name. */
import { useId, useState } from "preact/hooks";
import { lines } from "../cart.ts";
import { placeOrder } from "../order.ts";
import { customerId } from "../shop-analytics.ts";
import { TotalsList } from "./totals-list.tsx";

const MAX_NAME_LENGTH = 80;

export function CheckoutView() {
  const nameId = useId();
  const [name, setName] = useState("Robin Example");
  if (lines.value.length === 0) {
    return (
      <section class="notice">
        <h1>Nothing to check out</h1>
        <a class="primary" href="#/">
          Look around
        </a>
      </section>
    );
  }
  return (
    <section class="checkout">
      <form
        data-testid="checkout-form"
        onSubmit={(event) => {
          event.preventDefault();
          placeOrder(name.trim() || "Robin Example");
        }}
      >
        <h1>Check out</h1>
        <p class="checkout-note">Nothing is charged and nothing is shipped. The customer is made up.</p>
        <label htmlFor={nameId}>Name</label>
        <input
          id={nameId}
          type="text"
          value={name}
          maxLength={MAX_NAME_LENGTH}
          autocomplete="off"
          data-testid="checkout-name"
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <p class="customer">
          Customer number <code>{customerId().slice(0, 14)}…</code>
        </p>
        <button type="submit" class="primary" data-testid="place-order">
          Place the order
        </button>
      </form>
      <aside class="cart-sum">
        <h2>Your order</h2>
        <TotalsList />
      </aside>
    </section>
  );
}
