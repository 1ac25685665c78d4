/** Shows the items in the cart and their cost. */
import { type CartLine, lines, removeFromCart } from "../cart.ts";
import { formatPrice } from "../catalog.ts";
import { ProductArt } from "./product-art.tsx";
import { TotalsList } from "./totals-list.tsx";

export function CartView() {
  if (lines.value.length === 0) {
    return (
      <section class="notice" data-testid="empty-cart">
        <h1>Your cart is empty</h1>
        <p>There is room for a mug, at least.</p>
        <a class="primary" href="#/">
          Look around
        </a>
      </section>
    );
  }
  return (
    <section class="cart">
      <h1>Your cart</h1>
      <ul class="cart-lines">
        {lines.value.map((line) => (
          <CartItem key={line.product.id} line={line} />
        ))}
      </ul>
      <div class="cart-sum">
        <TotalsList />
        <a class="primary" href="#/checkout" data-testid="checkout-link">
          Check out
        </a>
      </div>
    </section>
  );
}

function CartItem({ line: { product, quantity } }: { line: CartLine }) {
  return (
    <li class="cart-line" data-testid="cart-line" data-product-id={product.id}>
      <ProductArt id={product.id} />
      <div>
        <a href={`#/products/${product.id}`}>{product.name}</a>
        <span class="cart-quantity">
          {quantity} × {formatPrice(product.price)}
        </span>
      </div>
      <strong>{formatPrice(product.price * quantity)}</strong>
      <button
        type="button"
        class="remove"
        aria-label={`Remove ${product.name}`}
        data-testid={`remove-${product.id}`}
        onClick={() => removeFromCart(product)}
      >
        Remove
      </button>
    </li>
  );
}
