import { describe, expect, it } from "vitest";
import { mailLink, safeAddress, textParts, typedAddress } from "./links";
import { generator } from "./testing/generator";

const linksIn = (text: string) =>
  textParts(text).flatMap((part) => (part.kind === "link" ? [[part.text, part.address]] : []));

describe("addresses in a text (R22, R23)", () => {
  it.each([
    ["See https://example.org/map.", "https://example.org/map"],
    ["(https://example.org/a_(b))", "https://example.org/a_(b)"],
    ["HTTP://EXAMPLE.ORG/x, then", "HTTP://EXAMPLE.ORG/x"],
    ["https://example.org?q=1&r=2!", "https://example.org?q=1&r=2"],
    ["„https://example.org/ä“", "https://example.org/ä"],
    ["https://example.org/\u202egpj.exe", "https://example.org/"],
    ["\u200fhttps://example.org/map\u200f", "https://example.org/map"],
  ])("finds the address in %j", (text, found) => expect(linksIn(text)[0]?.[0]).toBe(found));

  it.each([
    ["See www.example.org.", "www.example.org", "https://www.example.org/"],
    ["(www.example.org/a_(b)?q=1)", "www.example.org/a_(b)?q=1", "https://www.example.org/a_(b)?q=1"],
    ["WWW.Example.org:8443, then", "WWW.Example.org:8443", "https://www.example.org:8443/"],
    ["\u200fwww.example.org\u202egpj.exe", "www.example.org", "https://www.example.org/"],
    ["Write to ricky.lee+maps@example.org.", "ricky.lee+maps@example.org", "mailto:ricky.lee%2Bmaps@example.org"],
    ["E-mail:ricky@lib.example.org!", "ricky@lib.example.org", "mailto:ricky@lib.example.org"],
    ["<ricky@example.org>", "ricky@example.org", "mailto:ricky@example.org"],
    ["ricky@example.org?bcc=x@example.com", "ricky@example.org", "mailto:ricky@example.org"],
    ["„ricky@example.org“", "ricky@example.org", "mailto:ricky@example.org"],
    ["\u200fricky@example.org\u200f", "ricky@example.org", "mailto:ricky@example.org"],
  ])("finds the bare address in %j", (text, found, address) => {
    expect(linksIn(text)[0]).toEqual([found, address]);
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://example.org/",
    "file:///etc/passwd",
    "www.example",
    "www..example.org",
    "www.paypal.com\u2044login.example.org",
    "www.ex\u0430mple.org",
    "awww.example.org",
    "www.",
    "ricky@example",
    "ricky@",
    "@example.org",
    "a@b@example.org",
    "ricky@example.orgä",
    "éricky@example.org",
    "riсky@example.org",
    "ric\u212ay@example.org",
    "https://",
    "https://user:secret@example.org/",
    "<a href=x>",
  ])("makes no link of %j", (text) => expect(linksIn(text)).toEqual([]));

  it("is quick with what is long and is no address", () => {
    const begun = performance.now();
    for (const text of [
      "a".repeat(4_000),
      "a@".repeat(2_000),
      "a.".repeat(2_000),
      `a@${"b.".repeat(1_999)}1`,
      "www.".repeat(1_000),
    ]) {
      expect(
        textParts(text)
          .map((part) => part.text)
          .join(""),
      ).toBe(text);
    }
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it("only ever links to http, https and mailto, and keeps every character", () => {
    const pieces = [
      "https://",
      "http://",
      "a.example",
      "javascript:",
      "www.",
      "a@b.example",
      "?bcc=",
      "%0a",
      "@",
      ")",
      "(",
      " ",
      "\n",
      "é",
      "😀",
      ".",
      "<",
      "/",
    ];
    for (let seed = 1; seed <= 500; seed += 1) {
      const random = generator(seed);
      const text = Array.from({ length: 12 }, () => pieces[Math.floor(random() * pieces.length)]).join("");
      const parts = textParts(text);
      expect(parts.map((part) => part.text).join("")).toBe(text);
      for (const part of parts)
        if (part.kind === "link") expect(part.address).toMatch(/^(https?:\/\/[^@/]+|mailto:[^@?&\s]+@[a-zA-Z0-9.-]+$)/);
    }
  });
});

describe("the link to an e-mail address", () => {
  it.each([
    [" ricky@example.org ", "mailto:ricky@example.org"],
    ["a+b@example.org", "mailto:a%2Bb@example.org"],
    ["a@example.org?bcc=b@example.org", undefined],
    ["a@example.org?subject=x&body=y", "mailto:a@example.org%3Fsubject%3Dx%26body%3Dy"],
    ["ricky", undefined],
    ["@example.org", undefined],
    ["a b@example.org", undefined],
    ["", undefined],
  ])("of %j is %j", (address, link) => expect(mailLink(address)).toBe(link));
});

describe("an address that is typed", () => {
  it.each([
    ["https://example.org/a b", undefined],
    [" https://example.org/ ", "https://example.org/"],
    ["example.org/page", "https://example.org/page"],
    ["example.org:8443/page", "https://example.org:8443/page"],
    ["hello", undefined],
    ["", undefined],
    ["javascript:alert(1)", undefined],
    ["ftp://example.org", undefined],
    ["https://me@example.org", undefined],
  ])("takes %j as %j", (typed, address) => expect(typedAddress(typed)).toBe(address));

  it("is shown with the host that it really goes to", () => {
    expect(safeAddress("https://exаmple.org/")).toBe("https://xn--exmple-4nf.org/");
  });
});
