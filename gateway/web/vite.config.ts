import preact from "@preact/preset-vite";
import { build } from "vite";
import { defineConfig } from "vitest/config";

/** The address of the running Carrel that `npm run dev` uses. */
const gateway = process.env.CARREL_GATEWAY ?? "http://127.0.0.1:8080";

const target = "es2022";

export default defineConfig({
  plugins: [
    preact(),
    {
      // Serves the pages at the same addresses as the gateway.
      name: "page-addresses",
      configureServer(server) {
        server.middlewares.use((request, _response, next) => {
          if (request.url?.startsWith("/ask/")) request.url = "/ask.html";
          if (request.url === "/desk") request.url = "/desk.html";
          next();
        });
      },
    },
    {
      // The script that libraries put into their own web sites is one plain file, at an address that never changes.
      name: "embed-script",
      apply: "build",
      async closeBundle() {
        const output = { format: "iife", entryFileNames: "embed.js" } as const;
        const rolldownOptions = { input: "src/embed.ts", output };
        await build({ configFile: false, publicDir: false, build: { target, emptyOutDir: false, rolldownOptions } });
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
