/**
 * Builds the pages that the Worker serves from its static assets: the dashboard at `/`, the demo shop at `/demo` and the
 * API reference at `/docs`.
 */
import { resolve } from "node:path";
import { defineConfig } from "vite";
import { sdkAsset } from "./build/sdk-asset.ts";
import { mockApi } from "./dev/mock-api.ts";

export default defineConfig({
  // Never use the development transform: it writes the build machine's paths into the page.
  oxc: { jsx: { runtime: "automatic", importSource: "preact", development: false } },
  build: {
    target: "es2022",
    // The content security policy allows neither inline scripts nor data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: resolve(import.meta.dirname, "index.html"),
        demo: resolve(import.meta.dirname, "demo.html"),
        docs: resolve(import.meta.dirname, "docs.html"),
      },
    },
  },
  plugins: [sdkAsset(), mockApi()],
});
