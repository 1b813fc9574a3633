import preact from "@preact/preset-vite";
import { build, type InlineConfig, type ViteDevServer } from "vite";
import { defineConfig } from "vitest/config";

/** The address of the running Carrel that `npm run dev` uses. */
const gateway = process.env.CARREL_GATEWAY ?? "http://127.0.0.1:8080";

const target = "es2022";

/**
 * How to build the script that libraries put into their own web sites: one plain file, at an address that never
 * changes.
 */
const embedScript = {
  configFile: false,
  publicDir: false,
  build: {
    target,
    emptyOutDir: false,
    rolldownOptions: { input: "src/embed.ts", output: { format: "iife", entryFileNames: "embed.js" } },
  },
} as const satisfies InlineConfig;

/** Builds that script in memory. */
async function buildEmbedScript(): Promise<string> {
  const built = await build({ ...embedScript, logLevel: "warn", build: { ...embedScript.build, write: false } });
  const outputs = [built].flat().flatMap((one) => ("output" in one ? one.output : []));
  return outputs.map((output) => (output.type === "chunk" ? output.code : "")).join("");
}

/** Returns a page of a library's own web site, with the widget in it. */
function sitePage(library: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A library's web site</title>
<h1>A library's web site</h1>
<script src="/embed.js" data-library="${library}" async></script>
</html>`;
}

/**
 * Serves the pages and the script at the same addresses as the gateway, and a page to try the widget in: `/site/maple`.
 */
function serveAddresses({ middlewares }: ViteDevServer): void {
  middlewares.use((request, response, next) => {
    const path = request.url?.split("?")[0] ?? "";
    const site = /^\/site\/([\w-]+)$/.exec(path)?.[1];
    if (site !== undefined) {
      response.setHeader("content-type", "text/html").end(sitePage(site));
      return;
    }
    if (path === "/embed.js") {
      buildEmbedScript().then(
        (script) =>
          response.setHeader("content-type", "text/javascript").setHeader("cache-control", "no-store").end(script),
        next,
      );
      return;
    }
    if (path.startsWith("/ask/")) request.url = "/ask.html";
    if (path === "/desk") request.url = "/desk.html";
    next();
  });
}

export default defineConfig({
  plugins: [
    preact(),
    { name: "page-addresses", configureServer: serveAddresses },
    {
      name: "embed-script",
      apply: "build",
      async closeBundle() {
        await build(embedScript);
      },
    },
  ],
  server: {
    host: "127.0.0.1",
    proxy: {
      "/v1/socket": { target: gateway, ws: true },
      "/v1": gateway,
    },
  },
  build: {
    target,
    // The content security policy allows no `data:` scripts or styles, so every asset has an address of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "ask.html", "desk.html", "no_such_page.html"] },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/intervals.ts"],
    // Only for hangs: the random tests take seconds on a busy machine.
    testTimeout: 60_000,
  },
});
