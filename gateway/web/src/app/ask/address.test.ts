import { describe, expect, it } from "vitest";
import { libraryIn } from "./address";

describe("the library of a patron page", () => {
  it.each([
    ["/ask/maple", "maple"],
    ["/ask/maple/", "maple"],
    ["/ask/m%C3%A4ple", "mäple"],
    ["/ask/", ""],
    ["/ask/100%", "100%"],
    ["/ask/%FF", "%FF"],
  ])("is named by %s", (path, name) => {
    expect(libraryIn(path)).toBe(name);
  });
});
