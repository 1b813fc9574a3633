// @vitest-environment node
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let server: ViteDevServer;
let origin: string;

beforeAll(async () => {
  server = await createServer({ logLevel: "error", server: { port: 0, watch: null } });
  await server.listen();
  origin = server.resolvedUrls?.local[0] ?? "";
});

afterAll(() => server.close());

const read = async (path: string) => {
  const response = await fetch(new URL(path, origin));
  return [response.headers.get("content-type"), await response.text()];
};

describe("the server of `npm run dev`", () => {
  it("has the widget's script, plain and in one file as in a release, and a page to try it in", async () => {
    const [type, script] = await read("/embed.js");
    expect(type).toBe("text/javascript");
    expect(script).toContain("data-carrel-widget");
    expect(script).not.toMatch(/^\s*(import|export)\b/m);
    expect(() => new Function(script ?? "")).not.toThrow();
    expect((await read("/site/maple"))[1]).toContain('<script src="/embed.js" data-library="maple" async>');
  });

  it("has the pages at the gateway's addresses", async () => {
    expect((await read("/ask/maple?practice"))[1]).toContain("/src/ask.tsx");
    expect((await read("/desk"))[1]).toContain("/src/desk.tsx");
  });
});
