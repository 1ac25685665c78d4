/** Shows the shop's name and the link to the cart. */
import { itemCount } from "../cart.ts";

export function ShopHeader() {
  const count = itemCount.value;
  return (
    <header class="shop-header">
      <a class="shop-name" href="#/" data-testid="home-link">
        Nook
      </a>
      <p class="shop-claim">Small things for a good home</p>
      <a
        class="cart-link"
        href="#/cart"
        data-testid="cart-link"
        aria-label={`Cart, ${count} item${count === 1 ? "" : "s"}`}
      >
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path d="M4.2 7h11.6l.9 9.5H3.3zM7.2 9V6a2.8 2.8 0 0 1 5.6 0v3" />
        </svg>
        Cart
        {count > 0 && (
          <span class="cart-count" data-testid="cart-count">
            {count}
          </span>
        )}
      </a>
    </header>
  );
}
