import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { SessionEndedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { PatronConnection } from "../../gen/carrel/session/v1/session_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, MAP, QUILL, RICKY, ROW } from "../../testing/desk_stage";

let stage: DeskStage;

beforeEach(async () => {
  stage = await DeskStage.open();
});

afterEach(() => stage.end());

/** The names that a screen reader gives the rows, without what is hidden from it. */
function names(): string[] {
  return referred("aria-labelledby");
}

/** What a screen reader says of the rows after their names. */
function descriptions(): string[] {
  return referred("aria-describedby");
}

function referred(by: string): string[] {
  return [...stage.root.querySelectorAll<HTMLElement>(".row-main")].map((row) => {
    const parts = (row.getAttribute(by) ?? "").split(" ").map((id) => {
      const copy = document.getElementById(id)?.cloneNode(true) as HTMLElement;
      for (const hidden of copy.querySelectorAll("[aria-hidden=true]")) hidden.remove();
      return copy.textContent ?? "";
    });
    return parts.join(" ").replace(/\s+/g, " ").trim();
  });
}

describe("the name of a row (D82, D50)", () => {
  it("begins with what opening it does, and holds what the row says", async () => {
    const waitingSinceTime = timestampFromMs(Date.now() - 187_000);
    const row = { ...ROW, list: SessionList.NEW, queueIds: ["main"], waitingSinceTime, returned: true };
    stage.lists({ case: "snapshot", value: { rows: [{ ...row, patronConnection: PatronConnection.AWAY }] } });
    await drawn();
    const [name] = names();
    expect(name).toMatch(/^Pick up Ricky waiting 3 min.*Maple Library.*lost their librarian.*away$/);
    expect(descriptions()).toEqual(["Where is the plat book?"]);
    expect(stage.root.querySelector(".row-time")?.textContent).toMatch(/^3:\d\d/);
  });

  it("says of a patron who is lost that they are not counted, and offers to pick them up all the same (R8, D50)", async () => {
    const waits = { ...ROW, list: SessionList.NEW, queueIds: ["main"], waitingSinceTime: timestampFromMs(Date.now()) };
    const lost = { ...waits, patronConnection: PatronConnection.LOST };
    stage.lists({ case: "snapshot", value: { rows: [{ ...waits, sessionId: "t" }, lost] } });
    await drawn();
    const counted = () => stage.find("[role=tab]", /^New/)?.textContent;
    expect(names()).toHaveLength(2);
    expect(names()[0]).toMatch(/^Pick up Ricky in the queue for .*lost.*not counted as waiting; may still come back/);
    expect([counted(), stage.desk.attention.value]).toEqual(["New 1", 1]);
    stage.root.querySelector<HTMLElement>(".waiting-row.lost .row-main")?.click();
    expect(stage.socket.all("act").map(({ sessionId }) => sessionId)).toEqual(["s"]);
    stage.lists({ case: "changed", value: waits });
    await drawn();
    expect(counted()).toBe("New 2");
    expect(names().join()).not.toContain("lost");
  });

  it("tells of an own session how long it lasts, who is typing, and how much is new", async () => {
    const pickUpTime = timestampFromMs(Date.now() - 5_000);
    const connected = { patronConnection: PatronConnection.CONNECTED };
    const row = { ...ROW, ...connected, list: SessionList.MY_ACTIVE, owner: MAP, pickUpTime };
    stage.lists({ case: "snapshot", value: { rows: [row] } });
    await stage.attending();
    stage.find("[role=tab]", /^My Active/)?.click();
    await stage.event(
      { case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text: "Hello" } },
      RICKY,
    );
    await stage.typing(RICKY);
    expect(stage.root.querySelector(".row-time")?.textContent).toMatch(/^0:0\d/);
    expect(names()[0]).toMatch(
      /^Open the session with Ricky for less than 1 min.*connected.*typing.*1 new.*Waits for you less than 1 min$/,
    );
    expect(descriptions()).toEqual(["Hello"]);
  });

  it("tells of an offer also what the sender has written, of which long texts only the beginning", async () => {
    const to = { case: "librarian", value: MAP } as const;
    const transferOffer = { offerId: "o", from: QUILL, to, lapseTime: timestampFromMs(Date.now() + 60_000) };
    const row = { ...ROW, list: SessionList.OFFERED, owner: QUILL };
    const offers = (message: string) =>
      stage.lists({ case: "snapshot", value: { rows: [{ ...row, transferOffer: { ...transferOffer, message } }] } });
    offers("She knows maps.");
    await drawn();
    expect(descriptions()).toEqual(["Mr Quill: She knows maps. Where is the plat book?"]);
    offers("m".repeat(500));
    await drawn();
    expect(descriptions()).toEqual([`Mr Quill: ${"m".repeat(200)} … Where is the plat book?`]);
    offers("");
    await drawn();
    expect(descriptions()).toEqual(["Where is the plat book?"]);
  });

  it("tells of a colleague's session that opening it does not enter it yet (S4)", async () => {
    stage.end();
    stage = await DeskStage.open({}, Role.ASK_ADMINISTRATOR);
    stage.lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.ALL, owner: QUILL }] } });
    await drawn();
    stage.find("[role=tab]", /^All/)?.click();
    await drawn();
    expect(descriptions()).toEqual([
      "You do not enter until you have read the warning and pressed OK. Where is the plat book?",
    ]);
  });
});

describe("the row of an own session", () => {
  const says = (text: string, by: typeof MAP | typeof QUILL | typeof RICKY, kind: "message" | "note" = "message") =>
    kind === "note"
      ? stage.event({ case: "note", value: { $typeName: "carrel.session.v1.NoteWritten", text } }, by)
      : stage.event({ case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text } }, by);
  const shown = (what: string) => stage.root.querySelector(what)?.textContent;

  it("says by whom the last text is, and that the patron waits until somebody has answered", async () => {
    stage.lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.MY_ACTIVE, owner: MAP }] } });
    await stage.attending();
    stage.desk.list.value = "mine";
    await says("Hello", RICKY);
    expect(shown(".row-question")).toBe("Hello");
    expect(shown(".answer-wait")).toMatch(/^ ?Waits for you 0:0\d/);
    await says("She means the atlas", QUILL, "note");
    expect(shown(".row-question")).toBe("Note: She means the atlas");
    expect(shown(".answer-wait")).toContain("Waits for you");
    await says("One moment", MAP);
    expect(shown(".row-question")).toBe("You: One moment");
    expect(shown(".answer-wait")).toBeUndefined();
  });
});

describe("the time of a row", () => {
  it("goes on by itself: the rest of the row is not drawn anew each second", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    stage.close();
    stage = await DeskStage.open();
    const row = { ...ROW, list: SessionList.NEW, queueIds: ["main"], waitingSinceTime: timestampFromMs(Date.now()) };
    stage.lists({ case: "snapshot", value: { rows: [row] } });
    await drawn();
    const time = () => stage.root.querySelector(".row-time")?.textContent;
    expect(time()).toMatch(/^0:00/);
    const drawnAnew = vi.spyOn(stage.desk, "isPickingUp");
    vi.advanceTimersByTime(3_000);
    await drawn();
    expect(time()).toMatch(/^0:03/);
    expect(drawnAnew).not.toHaveBeenCalled();
    stage.lists({ case: "changed", value: { ...row, patronName: "Rikki" } });
    await drawn();
    expect(drawnAnew).toHaveBeenCalled();
  });
});

describe("a row that is clicked", () => {
  it("is not opened by the second click of two, which may be meant for a row that was here before", async () => {
    stage.lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.NEW, queueIds: ["main"] }] } });
    await drawn();
    const click = (detail: number) =>
      stage.root.querySelector(".row-main")?.dispatchEvent(new MouseEvent("click", { bubbles: true, detail }));
    click(2);
    expect(stage.socket.all("act")).toEqual([]);
    click(1);
    expect(stage.socket.all("act").map(({ sessionId }) => sessionId)).toEqual(["s"]);
  });
});

describe("the menu of a row (D83)", () => {
  const more = () => stage.find("button", "Menu for Ricky") as HTMLElement;

  it("is closed by the button that has opened it, which does not open it again", async () => {
    stage.lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.NEW, queueIds: ["main"] }] } });
    await drawn();
    more().click();
    await drawn();
    expect(stage.root.querySelector("[role=menu]")).not.toBeNull();
    const press = new MouseEvent("mousedown", { bubbles: true, cancelable: true });
    more().dispatchEvent(press);
    expect(press.defaultPrevented, "the focus stays in the menu").toBe(true);
    more().click();
    await drawn();
    expect(stage.root.querySelector("[role=menu]")).toBeNull();
    expect(document.activeElement?.className).toContain("row-main");
  });
});

describe("a question that is longer than a row of a list has (D30)", () => {
  /** As much of a question as the server sends in a list. */
  const beginning = "\u{1F5FA}".repeat(1_000);
  const waits = { ...ROW, list: SessionList.NEW, queueIds: ["main"] };
  const note = () => stage.root.querySelector("dialog .hint")?.textContent ?? "";

  async function reads(question: string): Promise<void> {
    stage.lists({ case: "snapshot", value: { rows: [{ ...waits, question }] } });
    await drawn();
    stage.find("button", "Menu for Ricky")?.click();
    await drawn();
    const entry = stage.find("[role=menuitem]", /^Read /);
    expect(entry?.textContent).toBe(question === beginning ? "Read more of the question" : "Read the whole question");
    entry?.click();
    await drawn();
  }

  it("is not passed off as the whole of it, and where that stands is said", async () => {
    await reads(beginning);
    expect(note()).toBe("These are the first 1,000 characters. The whole question is in the session.");
  });

  it("is nothing to speak of when it is shorter", async () => {
    await reads(beginning.slice(2));
    expect(note()).toBe("");
  });
});

describe("a long question", () => {
  it("is cut in the row itself: what is only hidden would be read aloud whole (D82)", async () => {
    const question = "Where is it? ".repeat(70);
    stage.lists({
      case: "snapshot",
      value: { rows: [{ ...ROW, question, list: SessionList.NEW, queueIds: ["main"] }] },
    });
    await drawn();
    const [said] = descriptions();
    expect(said).toMatch(/^Where is it\? .* …$/);
    expect(said?.length).toBeLessThan(210);
  });
});

describe("a list before the server has told what is in it", () => {
  it.each([/^New/, /^My Active/])("does not say that it is empty: %s", async (tab) => {
    stage.find("[role=tab]", tab)?.click();
    await drawn();
    expect(stage.root.querySelector(".empty h2")?.textContent).toBe("Loading …");
    stage.lists({ case: "snapshot", value: { rows: [] } });
    await drawn();
    expect(stage.root.querySelector(".empty h2")?.textContent).toMatch(/^Nobody is waiting|^No patron with you/);
  });
});

describe("the focus when what has it goes by itself (D82)", () => {
  const waits = { ...ROW, list: SessionList.NEW, queueIds: ["main"] };
  /** Waits for the drawing and for its effects, which run a frame later. */
  const settled = async () => {
    await drawn();
    await drawn();
  };
  const gone = async () => {
    await settled();
    return document.activeElement;
  };

  it("goes from the row of a patron whom somebody else picks up to the tab of the list", async () => {
    stage.lists({ case: "snapshot", value: { rows: [waits] } });
    await settled();
    stage.root.querySelector<HTMLElement>(".row-main")?.focus();
    stage.lists({ case: "removed", value: { sessionId: "s", list: SessionList.NEW, pickedUpBy: QUILL } });
    expect(await gone()).toBe(stage.find("main [role=tab]", /^New/));
  });

  it("goes from a session that is put away by the menu of its row to the tab of the list", async () => {
    stage.close();
    stage = await DeskStage.open({ held: ["s"] });
    await stage.attending();
    await stage.event({ case: "ended", value: create(SessionEndedSchema) }, RICKY);
    stage.find("[role=tab]", /^My Active/)?.click();
    await settled();
    stage.root.querySelector<HTMLElement>(".row-main")?.focus();
    await stage.press("ContextMenu");
    await stage.click("Put away");
    expect(await gone()).toBe(stage.find("main [role=tab]", /^My Active/));
  });

  it("stays with whoever reads elsewhere: on the page, too, which has it while nothing else does", async () => {
    stage.lists({ case: "snapshot", value: { rows: [waits] } });
    stage.desk.notify("Mr Quill's offer is over.");
    await settled();
    (document.activeElement as HTMLElement | null)?.blur();
    stage.lists({ case: "removed", value: { sessionId: "s", list: SessionList.NEW, pickedUpBy: QUILL } });
    for (const { id } of stage.desk.notices.shown.value) stage.desk.notices.remove(id);
    expect(await gone()).toBe(document.body);
  });

  it("goes from a message of the desk that is closed to the tab that is open", async () => {
    stage.desk.notify("Mr Quill's offer is over.");
    await settled();
    stage.find("button", "Close this message")?.focus();
    await stage.click("Close this message");
    expect((await gone())?.getAttribute("role")).toBe("tab");
  });
});
