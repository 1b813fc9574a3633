import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

/** The address of the running Carrel that `npm run dev` uses. */
const gateway = process.env.CARREL_GATEWAY ?? "http://127.0.0.1:8080";

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
  ],
  server: {
    host: "127.0.0.1",
    proxy: {
      "/v1/socket": { target: gateway, ws: true },
      "/v1": gateway,
    },
  },
  build: {
    target: "es2022",
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
