/** Keeps the cart for as long as the tab is open, and tracks every change to it. */
import { computed, effect, signal } from "@preact/signals";
import { CURRENCY, findProduct, type Product } from "./catalog.ts";
import { load, randomId, save } from "./session-store.ts";
import { track } from "./shop-analytics.ts";

export interface CartLine {
  product: Product;
  quantity: number;
}

const SHIPPING = 4.9;
const FREE_SHIPPING_FROM = 100;
const TAX_RATE = 0.19;

/** Quantity by product id, in the order of adding. */
const quantities = signal<Record<string, number>>(load("cart", {}));
const cartId = load("cartId", randomId("cart"));

effect(() => {
  save("cart", quantities.value);
  save("cartId", cartId);
});

export const lines = computed<CartLine[]>(() =>
  Object.entries(quantities.value).flatMap(([id, quantity]) => {
    const product = findProduct(id);
    return product && quantity > 0 ? [{ product, quantity }] : [];
  }),
);

export const itemCount = computed(() => lines.value.reduce((sum, { quantity }) => sum + quantity, 0));

export interface Totals {
  subtotal: number;
  shipping: number;
  /** Contained in the subtotal. */
  tax: number;
  total: number;
}

export const totals = computed<Totals>(() => {
  const subtotal = lines.value.reduce((sum, { product, quantity }) => sum + product.price * quantity, 0);
  const shipping = subtotal === 0 || subtotal >= FREE_SHIPPING_FROM ? 0 : SHIPPING;
  const tax = toCents(subtotal - subtotal / (1 + TAX_RATE));
  return { subtotal, shipping, tax, total: toCents(subtotal + shipping) };
});

export function addToCart(product: Product, quantity = 1): void {
  quantities.value = { ...quantities.value, [product.id]: (quantities.value[product.id] ?? 0) + quantity };
  track("Product Added", { cart_id: cartId, ...productProperties(product, quantity) });
}

export function removeFromCart(product: Product): void {
  const { [product.id]: quantity = 0, ...rest } = quantities.value;
  quantities.value = rest;
  track("Product Removed", { cart_id: cartId, ...productProperties(product, quantity) });
}

export function emptyCart(): void {
  quantities.value = {};
}

/** A product in the form of Segment's e-commerce spec. */
export function productProperties(product: Product, quantity = 1): Record<string, unknown> {
  const { id, name, category, price } = product;
  return { product_id: id, sku: `NK-${id}`, name, brand: "Nook", category, price, quantity, currency: CURRENCY };
}

/** The lines of a cart or an order in the form of Segment's e-commerce spec. */
export function lineProperties(): Record<string, unknown>[] {
  return lines.value.map(({ product, quantity }) => productProperties(product, quantity));
}

function toCents(amount: number): number {
  return Math.round(amount * 100) / 100;
}
