/** Renders the shop: header, the view of the current address, and the panel of sent events. */
import { CartView } from "./components/cart-view.tsx";
import { CheckoutView } from "./components/checkout-view.tsx";
import { EventPanel } from "./components/event-panel.tsx";
import { HomeView } from "./components/home-view.tsx";
import { ProductView } from "./components/product-view.tsx";
import { ShopHeader } from "./components/shop-header.tsx";
import { ThanksView } from "./components/thanks-view.tsx";
import { route } from "./router.ts";

export function ShopApp() {
  return (
    <div class="shop">
      <ShopHeader />
      <main class="shop-main" data-testid={`view-${route.value.view}`}>
        <CurrentView />
      </main>
      <EventPanel />
    </div>
  );
}

function CurrentView() {
  const current = route.value;
  switch (current.view) {
    case "product":
      return <ProductView product={current.product} key={current.product.id} />;
    case "cart":
      return <CartView />;
    case "checkout":
      return <CheckoutView />;
    case "thanks":
      return <ThanksView />;
    case "home":
      return <HomeView />;
  }
}
