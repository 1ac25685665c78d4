/** Lists the totals below a cart. */
import { totals } from "../cart.ts";
import { formatPrice } from "../catalog.ts";

export function TotalsList() {
  const { subtotal, shipping, tax, total } = totals.value;
  return (
    <dl class="totals">
      <div>
        <dt>Subtotal</dt>
        <dd>{formatPrice(subtotal)}</dd>
      </div>
      <div>
        <dt>Shipping</dt>
        <dd>{shipping === 0 ? "free" : formatPrice(shipping)}</dd>
      </div>
      <div>
        <dt>Including VAT</dt>
        <dd>{formatPrice(tax)}</dd>
      </div>
      <div class="total">
        <dt>Total</dt>
        <dd data-testid="cart-total">{formatPrice(total)}</dd>
      </div>
    </dl>
  );
}
