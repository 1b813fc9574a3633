import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { RefusalSchema } from "./gen/carrel/refusal/v1/refusal_pb";
import { isWrong, whyRefused, wrongWith } from "./refusal_words";

const bell = create(RefusalSchema, {
  code: 3,
  message: "text: it contains a hidden control character (U+0007); remove it",
  fieldViolations: [{ field: "text", description: "it contains a hidden control character (U+0007); remove it" }],
});
const passing = create(RefusalSchema, { code: 8, message: "That was too much at once. Wait a moment." });

describe("a refusal, as people read it", () => {
  it("says what is wrong without the name of a field (R23)", () => {
    expect(whyRefused(bell)).toBe("It contains a hidden control character (U+0007); remove it.");
    expect(whyRefused(passing)).toBe("That was too much at once. Wait a moment.");
    expect(whyRefused(undefined)).toBe("");
  });

  it("tells of one field what is wrong with it, whatever it lies in", () => {
    const refusal = create(RefusalSchema, {
      code: 3,
      fieldViolations: [{ field: "open_session.patron_email", description: "it is not an e-mail address" }],
    });
    expect(wrongWith(refusal, "patron_email")).toBe("It is not an e-mail address.");
    expect(wrongWith(refusal, "question")).toBeUndefined();
  });

  it("knows what can never succeed as it is", () => {
    expect([bell, passing, undefined].map(isWrong)).toEqual([true, false, false]);
  });
});
