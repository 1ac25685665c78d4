/** Routes by the address's fragment, so that one static file serves every view: `/demo#/products/wall-clock`. */
import { computed, signal } from "@preact/signals";
import { findProduct, type Product } from "./catalog.ts";

export type Route =
  | { view: "home"; name: string; path: string }
  | { view: "product"; name: string; path: string; product: Product }
  | { view: "cart"; name: string; path: string }
  | { view: "checkout"; name: string; path: string }
  | { view: "thanks"; name: string; path: string };

const fragment = signal(location.hash);

addEventListener("hashchange", () => {
  fragment.value = location.hash;
  scrollTo(0, 0);
});

/** The current view. An unknown address shows the home view. */
export const route = computed<Route>(() => parse(fragment.value));

function parse(hash: string): Route {
  const [place, id = ""] = hash.replace(/^#?\/?/, "").split("/");
  const product = place === "products" ? findProduct(id) : undefined;
  if (product) return { view: "product", name: "Product", path: `/demo/products/${product.id}`, product };
  if (place === "cart") return { view: "cart", name: "Cart", path: "/demo/cart" };
  if (place === "checkout") return { view: "checkout", name: "Checkout", path: "/demo/checkout" };
  if (place === "thanks") return { view: "thanks", name: "Thank You", path: "/demo/thanks" };
  return { view: "home", name: "Home", path: "/demo" };
}

export function go(hash: string): void {
  location.hash = hash;
}
