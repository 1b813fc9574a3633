import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasDrafts } from "../../app/parts/leaving";
import { RefusedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { SessionEndedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { DeskStage, drawn, RICKY, THROW_AWAY } from "../../testing/desk_stage";

let stage: DeskStage;

/** The session that the user owned has ended, and is shown. */
beforeEach(async () => {
  stage = await DeskStage.openAtWork();
  await stage.event({ case: "ended", value: create(SessionEndedSchema) }, RICKY);
});

afterEach(() => stage.end());

const isOnDesk = () => stage.desk.link.sessions.value.has("s");

describe("a message that came too late for the patron", () => {
  it("can be kept as a note", async () => {
    stage.desk.writing.type("s", { patron: "It is in drawer 7." });
    stage.desk.writing.sendToPatron("s");
    const commandId = stage.socket.all("act").at(-1)?.commandId ?? "";
    const refusal = { code: 9, reason: "ENDED", message: "The session has ended." };
    stage.socket.push({ case: "refused", value: create(RefusedSchema, { sessionId: "s", commandId, refusal }) });
    await drawn();
    await stage.click("Edit");
    await stage.click("Keep it as a note");
    expect(stage.socket.all("act").map(({ act }) => act.case)).toEqual(["postMessage", "writeNote"]);
    expect(stage.desk.wantsFocus.value).toBeUndefined();
  });
});

describe("a session that is put away (D60)", () => {
  it("goes at once when nothing is typed in it", async () => {
    await stage.click("Put away");
    expect(stage.dialogs).toEqual([]);
    expect(isOnDesk()).toBe(false);
  });

  it("takes no note along that is typed, without a question", async () => {
    await stage.types("note-box", "She wanted the map of 1890.");
    await stage.click("Put away");
    expect(stage.dialogs).toEqual([THROW_AWAY]);
    await stage.answer("Keep writing");
    expect(stage.field("note-box").value).toBe("She wanted the map of 1890.");
    await stage.click("Put away");
    await stage.answer("Throw away");
    expect(isOnDesk()).toBe(false);
    expect(hasDrafts(stage.desk)).toBe(false);
  });

  it("nor from the list, where what is typed is not to be seen", async () => {
    await stage.types("note-box", "She wanted the map of 1890.");
    stage.desk.unselect();
    stage.desk.list.value = "mine";
    await drawn();
    stage.root.querySelector(".ended-row")?.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true }));
    await drawn();
    await stage.click("Put away");
    expect(stage.dialogs).toEqual([THROW_AWAY]);
    expect(isOnDesk()).toBe(true);
  });

  it("nor a note that is on its way", async () => {
    await stage.types("note-box", "She wanted the map of 1890.");
    stage.desk.writing.sendNote("s");
    await stage.click("Put away");
    expect(stage.dialogs).toEqual([THROW_AWAY]);
  });
});
