/** Shows all products. */
import { addToCart } from "../cart.ts";
import { formatPrice, PRODUCTS, type Product } from "../catalog.ts";
import { ProductArt } from "./product-art.tsx";

export function HomeView() {
  return (
    <>
      <section class="hero">
        <h1>Made slowly, kept for long.</h1>
        <p>Eight things we would not want to live without. Nothing here is real, except the events.</p>
      </section>
      <ul class="grid" data-testid="product-grid">
        {PRODUCTS.map((product) => (
          <ProductCard key={product.id} product={product} />
        ))}
      </ul>
    </>
  );
}

function ProductCard({ product }: { product: Product }) {
  return (
    <li class="product-card">
      <a href={`#/products/${product.id}`} data-testid={`product-${product.id}`}>
        <ProductArt id={product.id} />
        <span class="product-name">{product.name}</span>
      </a>
      <span class="product-price">{formatPrice(product.price)}</span>
      <button
        type="button"
        class="quick-add"
        aria-label={`Add ${product.name} to cart`}
        data-testid={`quick-add-${product.id}`}
        onClick={() => addToCart(product)}
      >
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path d="M10 4.5v11M4.5 10h11" />
        </svg>
      </button>
    </li>
  );
}
