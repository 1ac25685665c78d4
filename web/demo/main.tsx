/** The demo shop: a small single page application that uses the library as a customer's page would. */
import { render } from "preact";
import { ShopApp } from "./app.tsx";
import { followRoutes } from "./page-views.ts";
import { startAnalytics } from "./shop-analytics.ts";

const root = document.getElementById("shop");
if (!root) throw new Error("#shop is missing");
render(<ShopApp />, root);
await startAnalytics();
followRoutes();
