/** Configures two builds: the ES module with types, and one minified file for a `<script>` tag with the global `Analytics`. */
import { defineConfig } from "tsdown";

const shared = { platform: "neutral", target: "es2022", tsconfig: "tsconfig.json" } as const;

export default defineConfig([
  {
    ...shared,
    entry: { index: "src/index.ts" },
    format: "esm",
    outExtensions: () => ({ js: ".js", dts: ".d.ts" }),
    dts: { oxc: true },
    sourcemap: true,
    clean: true,
  },
  {
    ...shared,
    entry: { analytics: "src/script.ts" },
    format: "iife",
    globalName: "Analytics",
    outputOptions: { exports: "default", entryFileNames: "analytics.iife.js" },
    dts: false,
    minify: true,
    clean: false,
  },
]);
