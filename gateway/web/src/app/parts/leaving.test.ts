import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RefusedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { StatusCode } from "../../status_code";
import { DeskStage, MAP } from "../../testing/desk_stage";
import { hasDrafts, isDeskUnsent } from "./leaving";

let stage: DeskStage;

beforeEach(async () => {
  stage = await DeskStage.open({ held: ["s"] });
  await stage.attending();
});

afterEach(() => stage.end());

describe("a desk that is left (D60)", () => {
  it("has nothing to lose while nothing is typed or on its way", () => {
    expect(isDeskUnsent(stage.desk)).toBe(false);
  });

  it("would lose what is typed in a session, and then what is on its way", async () => {
    stage.desk.writing.type("s", { page: "https://maple.example" });
    stage.desk.writing.type("s", { patron: "Hello" });
    expect(isDeskUnsent(stage.desk)).toBe(true);
    stage.desk.writing.type("s", { page: "" });
    // The tab keeps it (kept_drafts.test.ts).
    expect(isDeskUnsent(stage.desk)).toBe(false);
    expect(hasDrafts(stage.desk)).toBe(true);
    stage.desk.writing.sendToPatron("s");
    expect(stage.desk.drafts.any).toBe(false);
    expect(isDeskUnsent(stage.desk)).toBe(true);
    await stage.event({ case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text: "Hello" } }, MAP);
    const commandId = stage.socket.all("act").at(-1)?.commandId ?? "";
    const accepted = {
      $typeName: "carrel.gateway.v1.Accepted" as const,
      commandId,
      sessionId: "s",
      position: 1n,
      replayed: false,
    };
    stage.socket.push({ case: "accepted", value: accepted });
    expect(isDeskUnsent(stage.desk)).toBe(false);
  });

  it("would lose the address of a web page that is typed, until it is sent", () => {
    stage.desk.writing.type("s", { page: "https://maple.example" });
    expect(isDeskUnsent(stage.desk)).toBe(true);
    expect(hasDrafts(stage.desk)).toBe(true);
    stage.desk.writing.sendPage("s", "https://maple.example");
    expect(hasDrafts(stage.desk)).toBe(false);
  });

  it("would lose a script that is begun, and nothing of it once the librarian has logged out", () => {
    stage.desk.scripts.draft.value = { name: "", text: "Good-bye!" };
    expect(isDeskUnsent(stage.desk)).toBe(true);
    stage.desk.logOut();
    expect(isDeskUnsent(stage.desk)).toBe(false);
  });

  it("would lose what was refused and stands there to be sent again, also by logging out", async () => {
    stage.desk.writing.type("s", { patron: "Hello" });
    stage.desk.writing.sendToPatron("s");
    const commandId = stage.socket.all("act").at(-1)?.commandId ?? "";
    const refusal = { code: StatusCode.FAILED_PRECONDITION, reason: "NOT_ACTIVE" };
    stage.socket.push({ case: "refused", value: create(RefusedSchema, { sessionId: "s", commandId, refusal }) });
    expect(isDeskUnsent(stage.desk)).toBe(true);
    await stage.click("Log out");
    expect(stage.find("dialog", /./)?.textContent).toContain("What you have typed but not sent is lost.");
    await stage.answer("Stay");
    stage.desk.link.input("s", { kind: "discard", commandId });
    expect(isDeskUnsent(stage.desk)).toBe(false);
  });

  it("would lose what is on its way to a librarian", () => {
    stage.desk.im.write(
      { librarianId: "quill", screenName: "Mr Quill" } as Parameters<typeof stage.desk.im.write>[0],
      "Hello",
    );
    expect(isDeskUnsent(stage.desk)).toBe(true);
  });
});
