import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DetachedSchema, RefusedSchema } from "../gen/carrel/gateway/v1/frames_pb";
import { RefusalSchema } from "../gen/carrel/refusal/v1/refusal_pb";
import { Part } from "../gen/carrel/session/v1/session_pb";
import { DeskStage } from "../testing/desk_stage";
import { FakeSocket } from "../testing/gateway";

let stage: DeskStage;

beforeEach(async () => {
  vi.stubGlobal("WebSocket", FakeSocket);
  stage = await DeskStage.open({ held: ["s"] });
});

afterEach(() => {
  stage.close();
  sessionStorage.clear();
  vi.unstubAllGlobals();
});

describe("what the log refuses for good", () => {
  it("ends with a word on it, and is to be tried anew (D60)", async () => {
    await stage.attending();
    stage.desk.end("s");
    const commandId = stage.socket.all("act").at(-1)?.commandId ?? "";
    const refusal = create(RefusalSchema, { code: 13, reason: "LOG_REFUSED", message: "The log could not take this." });
    for (let tries = 0; tries < 3; tries += 1) {
      expect(stage.desk.isEnding("s")).toBe(true);
      expect(stage.desk.notices.shown.value).toEqual([]);
      stage.socket.push({ case: "refused", value: create(RefusedSchema, { sessionId: "s", commandId, refusal }) });
    }
    expect(stage.desk.isEnding("s")).toBe(false);
    expect(stage.desk.link.sessions.value.get("s")?.outgoing).toEqual([]);
    expect(stage.desk.notices.shown.value).toMatchObject([
      { text: "It is not certain whether this was done. The log could not take this.", tone: "bad" },
    ]);
  });
});

describe("a session that goes from the desk while something is on its way there (D60)", () => {
  it.each([
    ["NO_LONGER_OWNER", Part.OWNER],
    ["NOT_INSIDE", Part.COLLEAGUE],
  ])("gives all of it back: %s", async (reason, part) => {
    await stage.attending(part);
    stage.desk.writing.type("s", { patron: "It is of 1874.", note: "Ask her.", page: "https://maple.example" });
    stage.desk.writing.sendToPatron("s");
    stage.desk.writing.sendNote("s");
    stage.desk.writing.sendPage("s", "https://maple.example");
    stage.desk.writing.type("s", { patron: "Or of 1890?", note: "Twice." });
    const refusal = create(RefusalSchema, { code: 9, reason });
    stage.socket.push({ case: "detached", value: create(DetachedSchema, { sessionId: "s", refusal }) });
    expect(stage.desk.link.sessions.value.has("s")).toBe(false);
    expect(stage.desk.notices.shown.value.at(-1)?.text).toContain("What you have typed is there again");
    expect(stage.desk.drafts.of("s")).toMatchObject({
      patron: "It is of 1874.\nOr of 1890?",
      note: "Ask her.\nTwice.",
      page: "https://maple.example",
    });
  });
});
