import { describe, expect, it } from "vitest";
import { type Attributes, type Options, readOptions } from "./options";

function read(given: Attributes): [Options | undefined, string[]] {
  const wrong: string[] = [];
  const options = readOptions("https://ask.example.org/embed.js", given, (why) => wrong.push(why));
  return [options, wrong];
}

describe("what the line of HTML says (D85)", () => {
  it("needs no more than the library", () => {
    const [options, wrong] = read({ library: "maple" });
    expect(options).toEqual({
      gateway: "https://ask.example.org",
      library: "maple",
      label: "Ask a librarian",
      side: "right",
      color: undefined,
    });
    expect(wrong).toEqual([]);
  });

  it("may choose the words, the side and the colour", () => {
    const [options, wrong] = read({ library: " maple ", label: "Ask Maple", side: "left", color: "#FFCC00" });
    expect(options).toMatchObject({ library: "maple", label: "Ask Maple", side: "left" });
    expect(options?.color).toEqual({ ground: "#FFCC00", ink: "#000000" });
    expect(wrong).toEqual([]);
  });

  it("may choose the language, which may be named as precisely as the site's own (D84)", () => {
    expect(read({ library: "maple", lang: "es-MX" })).toEqual([
      expect.objectContaining({ lang: "es", label: "Pregunte a la biblioteca" }),
      [],
    ]);
    expect(read({ library: "maple", lang: "fr", label: "Clavardez" })[0]).toMatchObject({
      lang: "fr",
      label: "Clavardez",
    });
    const [options, wrong] = read({ library: "maple", lang: "tlh" });
    expect(options).toMatchObject({ lang: undefined, label: "Ask a librarian" });
    expect(wrong).toEqual([expect.stringContaining("data-lang is one of en, es, fr, de")]);
  });

  it("without a library is told so, and shows nothing", () => {
    for (const library of [undefined, "", " "]) {
      const [options, wrong] = read(library === undefined ? {} : { library });
      expect(options).toBeUndefined();
      expect(wrong).toEqual([expect.stringContaining("data-library")]);
    }
  });

  it("with what can't be followed is told so, and shows the usual", () => {
    const [options, wrong] = read({ library: "maple", side: "top", color: "red; } * { display: none" });
    expect(options).toMatchObject({ side: "right", color: undefined });
    expect(wrong).toEqual([expect.stringContaining("data-side"), expect.stringContaining("data-color")]);
  });

  it("gets words on its colour that stand out by 4.5 to 1 at least", () => {
    for (let grey = 0; grey < 256; grey += 1) {
      const color = `#${grey.toString(16).padStart(2, "0").repeat(3)}`;
      const [options] = read({ library: "maple", color });
      const part = grey / 255;
      const luminance = part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      const isWhite = options?.color?.ink === "#ffffff";
      expect(isWhite ? 1.05 / (luminance + 0.05) : (luminance + 0.05) / 0.05, color).toBeGreaterThan(4.5);
    }
  });
});
