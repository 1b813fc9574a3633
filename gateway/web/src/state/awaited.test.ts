import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { type SessionEvent, SessionEventSchema } from "../gen/carrel/session/v1/session_event_pb";
import { Part } from "../gen/carrel/session/v1/session_pb";
import { awaitedSince, waitOf } from "./awaited";

type Kind = NonNullable<SessionEvent["payload"]["case"]>;

/** A session in which these things happened, one a second from 1,000. */
function session(...happened: readonly (readonly [Part, Kind])[]): SessionEvent[] {
  return happened.map(([part, kind], index) =>
    Object.assign(
      create(SessionEventSchema, {
        position: BigInt(index + 1),
        time: timestampFromMs((index + 1) * 1_000),
        author: { part },
      }),
      { payload: { case: kind, value: {} } },
    ),
  );
}

const { PATRON, OWNER, COLLEAGUE } = Part;

describe("since when a patron waits for an answer", () => {
  it("is the first of their texts that nobody has answered", () => {
    const events = session([PATRON, "opened"], [OWNER, "message"], [PATRON, "message"], [PATRON, "page"]);
    expect(awaitedSince(events)).toBe(3_000);
  });

  it.each([
    ["a message", OWNER, "message"],
    ["a web page", OWNER, "page"],
    ["a colleague's message", COLLEAGUE, "message"],
  ] as const)("is over with %s", (_, part, kind) => {
    expect(awaitedSince(session([PATRON, "message"], [part, kind]))).toBeUndefined();
  });

  it.each([
    ["a note", "note"],
    ["an offer", "transferOffered"],
    ["a new owner", "transferred"],
  ] as const)("goes on with %s, which the patron cannot take for an answer", (_, kind) => {
    expect(awaitedSince(session([PATRON, "message"], [OWNER, kind]))).toBe(1_000);
  });

  it("counts for a question from the pick-up: until then the patron waited in the queue", () => {
    expect(awaitedSince(session([PATRON, "opened"], [PATRON, "message"], [OWNER, "pickedUp"]))).toBe(3_000);
    const again = session([PATRON, "opened"], [OWNER, "pickedUp"], [OWNER, "returned"], [OWNER, "pickedUp"]);
    expect(awaitedSince(again)).toBe(4_000);
  });

  it("is nothing where nothing was written, or what was written is erased", () => {
    expect(awaitedSince([])).toBeUndefined();
    expect(awaitedSince([create(SessionEventSchema, { position: 1n })])).toBeUndefined();
  });
});

it("is said in words that grow more urgent", () => {
  expect([0, 119_999, 120_000, 299_999, 300_000].map(waitOf)).toEqual(["short", "short", "long", "long", "too long"]);
});
