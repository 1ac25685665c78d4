// Libraries for browsers. They are bundled as a site would bundle them and run in the real Chromium, on a page of another origin
// than the pipeline's. An answer that CORS hides from the library looks like a network error to it.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { launchChromium } from "../browser/chromium.ts";
import { clientPath, type Library } from "./library.ts";

interface Site {
  browser: Browser;
  server: Server;
  origin: string;
}

/** Programs in clients/. Each runs on a page with its name. */
const CLIENTS = ["segment-browser", "rudderstack-browser"] as const;
type Client = (typeof CLIENTS)[number];

let site: Promise<Site> | null = null;

async function openSite(): Promise<Site> {
  const [browser, ...bundles] = await Promise.all([launchChromium(), ...CLIENTS.map(bundleClient)]);
  const scripts = new Map(CLIENTS.map((client, index) => [`/${client}.js`, bundles[index] ?? ""]));
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://site").pathname;
    const script = scripts.get(path);
    response.setHeader(
      "Content-Type",
      script === undefined ? "text/html; charset=utf-8" : "text/javascript; charset=utf-8",
    );
    response.end(script ?? `<!doctype html><title>sending</title><script src="${path}.js"></script>`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { browser, server, origin: `http://localhost:${(server.address() as { port: number }).port}` };
}

async function bundleClient(client: Client): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [clientPath(`${client}.ts`)],
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
    logLevel: "error",
  });
  return outputFiles[0]?.text ?? "";
}

/** The origin of the page. A key can be restricted to it. */
export async function siteOrigin(): Promise<string> {
  site ??= openSite();
  return (await site).origin;
}

/** @param delivery `standard` sends each event in its own request, `batching` sends three events at a time. */
export function segmentInBrowser(delivery: "standard" | "batching"): Library {
  return browserLibrary(`@segment/analytics-next, ${delivery}`, "segment-browser", { delivery });
}

export const RUDDERSTACK_IN_BROWSER = browserLibrary("@rudderstack/analytics-js", "rudderstack-browser", {});

function browserLibrary(name: string, client: Client, options: Record<string, string>): Library {
  return {
    name,
    prepare: async () => {
      site ??= openSite();
      await site;
      return null;
    },
    send: async ({ host, writeKey }) => {
      const { browser, origin } = await (site as Promise<Site>);
      const context = await browser.newContext();
      const page = await context.newPage();
      const asked = new URLSearchParams({ writeKey, host, ...options });
      await page.goto(`${origin}/${client}?${asked.toString()}`);
      await page.waitForFunction('document.title !== "sending"');
      const title = await page.title();
      if (title !== "sent") throw new Error(title);
    },
    release: async () => {
      const opened = await site;
      site = null;
      await opened?.browser.close();
      opened?.server.close();
    },
  };
}
