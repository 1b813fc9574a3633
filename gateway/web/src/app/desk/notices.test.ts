import { beforeEach, describe, expect, it } from "vitest";
import { Notices } from "./notices";

let notices: Notices;

beforeEach(() => {
  notices = new Notices();
});

const texts = () => notices.shown.value.map(({ text }) => text);

/** Lets seconds pass. `seen` is whether the page is visible meanwhile. */
function pass(from: number, to: number, seen = true): void {
  for (let now = from; now <= to; now += 1_000) notices.expire(now, seen);
}

describe("a short word", () => {
  it("goes by itself when it only tells, and stays when something went wrong (WCAG 2.2.1)", () => {
    notices.add("Mr Quill picked this patron up.", "plain", 0);
    notices.add("Your message was not sent.", "bad", 0);
    pass(0, 8_000);
    expect(texts()).toHaveLength(2);
    pass(9_000, 600_000);
    expect(texts()).toEqual(["Your message was not sent."]);
    notices.remove(notices.shown.value[0]?.id ?? 0);
    expect(texts()).toEqual([]);
  });

  it.each([
    ["held", true, true],
    ["not to be seen", false, false],
  ])("does not go while it is %s, and has as long as was left to it after that", (_, held, seen) => {
    notices.add("Mr Quill picked this patron up.", "plain", 0);
    pass(0, 5_000);
    notices.hold(held);
    pass(6_000, 60_000, seen);
    notices.hold(false);
    pass(61_000, 63_000);
    expect(texts()).toHaveLength(1);
    pass(64_000, 65_000);
    expect(texts()).toEqual([]);
  });

  it("that is said again stands there once, and for as long again", () => {
    notices.add("The log could not take this.", "bad", 0);
    notices.add("Mr Quill picked this patron up.", "plain", 0);
    notices.add("The log could not take this.", "bad", 5_000);
    expect(texts()).toEqual(["Mr Quill picked this patron up.", "The log could not take this."]);
  });

  it("makes room for newer ones, what went wrong last", () => {
    notices.add("wrong", "bad", 0);
    for (let count = 1; count <= 20; count += 1) notices.add(`told ${count}`, "plain", 0);
    expect(texts()).toEqual(["wrong", "told 16", "told 17", "told 18", "told 19", "told 20"]);
    for (let count = 1; count <= 20; count += 1) notices.add(`wrong ${count}`, "bad", 0);
    expect(texts()).toEqual(["wrong 15", "wrong 16", "wrong 17", "wrong 18", "wrong 19", "wrong 20"]);
  });

  it("that is gone holds no other one", () => {
    notices.add("one", "plain", 0);
    notices.hold(true);
    notices.clear();
    notices.add("two", "plain", 0);
    pass(0, 10_000);
    expect(texts()).toEqual([]);
  });
});
