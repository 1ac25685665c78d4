/** Shows one product with its description and a choice of quantity. */
import { useState } from "preact/hooks";
import { addToCart } from "../cart.ts";
import { formatPrice, type Product } from "../catalog.ts";
import { ProductArt } from "./product-art.tsx";

const MAX_QUANTITY = 9;

export function ProductView({ product }: { product: Product }) {
  const [quantity, setQuantity] = useState(1);
  const [added, setAdded] = useState(false);
  return (
    <article class="product">
      <ProductArt id={product.id} />
      <div class="product-facts">
        <a class="back" href="#/" data-testid="back-link">
          ← All products
        </a>
        <p class="product-category">{product.category}</p>
        <h1>{product.name}</h1>
        <p class="product-price-large">{formatPrice(product.price)}</p>
        <p class="product-text">{product.text}</p>
        <div class="buy">
          <div class="quantity">
            <button
              type="button"
              aria-label="One less"
              data-testid="quantity-less"
              disabled={quantity === 1}
              onClick={() => setQuantity(quantity - 1)}
            >
              −
            </button>
            <output data-testid="quantity" aria-label="Quantity">
              {quantity}
            </output>
            <button
              type="button"
              aria-label="One more"
              data-testid="quantity-more"
              disabled={quantity === MAX_QUANTITY}
              onClick={() => setQuantity(quantity + 1)}
            >
              +
            </button>
          </div>
          <button
            type="button"
            class="primary"
            data-testid="add-to-cart"
            onClick={() => {
              addToCart(product, quantity);
              setAdded(true);
            }}
          >
            Add to cart
          </button>
        </div>
        <p class="added" role="status">
          {added && (
            <>
              It is in your cart.{" "}
              <a href="#/cart" data-testid="go-to-cart">
                Go to the cart
              </a>
            </>
          )}
        </p>
      </div>
    </article>
  );
}
