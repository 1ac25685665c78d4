/** Tracks each view: a page view at every change of address, and the view's own event. */
import { effect, untracked } from "@preact/signals";
import { lineProperties, productProperties, totals } from "./cart.ts";
import { CURRENCY } from "./catalog.ts";
import { type Route, route } from "./router.ts";
import { page, track } from "./shop-analytics.ts";

export function followRoutes(): void {
  effect(() => {
    const current = route.value;
    untracked(() => view(current));
  });
}

function view(current: Route): void {
  document.title = current.view === "home" ? "Nook · demo shop" : `${titleOf(current)} · Nook`;
  page(current.name);
  if (current.view === "product") {
    track("Product Viewed", { ...productProperties(current.product), url: location.href });
  }
  if (current.view === "cart") track("Cart Viewed", { products: lineProperties() });
  if (current.view === "checkout") {
    const { total, subtotal, shipping, tax } = totals.value;
    track("Checkout Started", {
      value: total,
      revenue: subtotal,
      shipping,
      tax,
      currency: CURRENCY,
      products: lineProperties(),
    });
  }
}

function titleOf(current: Route): string {
  return current.view === "product" ? current.product.name : current.name;
}
