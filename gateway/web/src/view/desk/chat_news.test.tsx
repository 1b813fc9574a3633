import { afterEach, describe, expect, it } from "vitest";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, MAP, QUILL, RICKY, ROW } from "../../testing/desk_stage";

let stage: DeskStage;

afterEach(() => stage.end());

const said = { case: "message" as const, value: { $typeName: "carrel.session.v1.MessagePosted" as const, text: "Hi" } };
const chatTab = () => stage.find("[role=tab]", /^Patron Chat/)?.textContent;
const back = () => stage.find("button", /^Back to the lists/);

async function waits(...sessionIds: string[]): Promise<void> {
  const rows = sessionIds.map((sessionId) => ({ ...ROW, sessionId, list: SessionList.NEW }));
  stage.lists({ case: "snapshot", value: { rows } });
  await drawn();
}

describe("the Patron Chat tab while another one is open (D62)", () => {
  it("says how many patrons wait, and in how many sessions something is new", async () => {
    stage = await DeskStage.openAtWork();
    stage.desk.tab.value = "im";
    await drawn();
    expect(chatTab()).toBe("Patron Chat");
    await waits("w");
    await stage.event(said, RICKY);
    await stage.event(said, RICKY);
    expect(chatTab()).toBe("Patron Chat2 1 waiting, 1 unread ");
    stage.desk.tab.value = "chat";
    await drawn();
    expect(chatTab()).toBe("Patron Chat");
  });
});

describe("the way back to the lists, where only the session is shown", () => {
  it("says what is new there, and not what is new in the session that is shown", async () => {
    stage = await DeskStage.openAtWork();
    await stage.event(said, RICKY);
    expect(back()?.getAttribute("aria-label")).toBe("Back to the lists");
    await waits("w", "x");
    expect(back()?.getAttribute("aria-label")).toBe("Back to the lists: 2 waiting");
    expect(back()?.textContent).toBe("2");
  });
});

describe("the number of notes", () => {
  it("counts what somebody typed (R14), and is said where the notes are not shown, too", async () => {
    stage = await DeskStage.openAtWork();
    const toNotes = () => stage.find("button.to-note", /./)?.textContent?.trim();
    expect(toNotes()).toBe("Notes, staff only");
    await stage.event(
      { case: "transferOffered", value: { $typeName: "carrel.session.v1.TransferOffered", offer: undefined } },
      MAP,
    );
    expect(toNotes()).toBe("Notes, staff only");
    await stage.event({ case: "note", value: { $typeName: "carrel.session.v1.NoteWritten", text: "Drawer 7" } }, QUILL);
    await stage.event(said, RICKY);
    expect(stage.find("[role=tab]", /^Notes/)?.textContent?.trim()).toBe("Notes 1");
    expect(toNotes()).toBe("Notes, staff only 1");
  });
});
