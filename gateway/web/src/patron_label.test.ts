import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { patronOf } from "./patron_label";
import { beginningOf } from "./words";

describe("what staff call a patron (K29)", () => {
  const asked = (second: number) => timestampFromMs(new Date(2026, 10, 29, 8, 3, second).getTime());

  it("is the name that they gave", () => {
    expect(patronOf({ patronName: "Ricky", openTime: asked(1) })).toBe("Ricky");
  });

  it("tells apart two who gave none and asked in the same minute", () => {
    const [one, other] = [27, 41].map((second) => patronOf({ patronName: "", openTime: asked(second) }));
    expect(one).toMatch(/^Patron 0?8:03:27/);
    expect(other).toMatch(/^Patron 0?8:03:41/);
  });

  it("says no more than is known", () => {
    expect(patronOf(undefined, "the patron")).toBe("the patron");
    expect(patronOf({ patronName: "" })).toBe("Patron");
  });
});

describe("the beginning of a text", () => {
  it("is the whole of a short one", () => expect(beginningOf("Hello", 5)).toBe("Hello"));
  it("says that it goes on", () => expect(beginningOf("Hello you", 6)).toBe("Hello …"));
  it("splits no character", () => expect(beginningOf("🗺🗺🗺", 2)).toBe("🗺🗺 …"));
});
