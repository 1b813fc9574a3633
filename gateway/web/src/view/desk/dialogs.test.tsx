import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LibrarianRow } from "../../gen/carrel/presence/v1/presence_service_pb";
import { SessionEndedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, QUILL, RICKY, ROW } from "../../testing/desk_stage";
import { FakeSocket } from "../../testing/gateway";

let stage: DeskStage;

/** The user owns session `s`, which is shown. */
beforeEach(async () => {
  stage = await DeskStage.openAtWork();
});

afterEach(() => stage.end());

function press(init: KeyboardEventInit): void {
  document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...init }));
}

describe("the question whether to end a session", () => {
  it("is over when the patron ends it first, and leaves the shortcuts at work", async () => {
    await stage.click("End Session");
    expect(stage.dialogs).toEqual(["End this session?"]);
    await stage.event({ case: "ended", value: create(SessionEndedSchema) }, RICKY);
    expect(stage.dialogs).toEqual([]);
    // Effects run a frame after the drawing.
    await drawn();
    press({ key: "?" });
    await drawn();
    expect(stage.dialogs).toEqual(["Keyboard and other settings"]);
  });

  it("says that what is typed to the patron is not sent", async () => {
    const text = () => stage.root.querySelector("dialog p")?.textContent;
    await stage.types("note-box", "Ask her.");
    await stage.click("End Session");
    expect(text()).not.toContain("typed");
    await stage.answer("Keep chatting");
    await stage.types("patron-box", "One more thing");
    await stage.click("End Session");
    expect(text()).toContain("What you have typed to Ricky is not sent, and will not be.");
  });

  it("is asked once: the end that is on its way is said, and not sent again", async () => {
    await stage.click("End Session");
    stage.find("dialog button", "End Session")?.click();
    await drawn();
    expect(stage.find(".session-actions button", "Ending …")?.getAttribute("aria-disabled")).toBe("true");
    await stage.click("Ending …");
    expect(stage.dialogs).toEqual([]);
    stage.desk.end("s");
    expect(stage.socket.all("act").map(({ act }) => act.case)).toEqual(["endSession"]);
  });
});

describe("a waiting patron's question, read in a dialog (D30)", () => {
  const waits = { ...ROW, sessionId: "t", patronName: "Ada", list: SessionList.NEW, queueIds: ["main"] };
  const buttons = () => [...stage.root.querySelectorAll("dialog button")].map(({ textContent }) => textContent);
  const dialog = () => stage.root.querySelector("dialog");

  beforeEach(async () => {
    stage.lists({ case: "snapshot", value: { rows: [waits] } });
    stage.desk.list.value = "new";
    await drawn();
    await stage.click("Menu for Ada");
    stage.find("[role=menuitem]", "Read the whole question")?.click();
    await drawn();
    expect(buttons()).toEqual(["Pick up Ada", "Close"]);
  });

  it("can be scrolled by keyboard", () => {
    expect(dialog()?.querySelector(".preview-question")?.getAttribute("tabindex")).toBe("0");
  });

  it("is as it stands, and not to be picked up any more, once somebody else was faster", async () => {
    stage.find("dialog button", "Pick up Ada")?.focus();
    stage.lists({ case: "removed", value: { sessionId: "t", list: SessionList.NEW, pickedUpBy: QUILL } });
    await drawn();
    await drawn();
    expect(dialog()?.querySelector("[role=alert]")?.textContent).toBe("Mr Quill picked this patron up");
    expect(dialog()?.textContent).toContain("Where is the plat book?");
    expect(buttons()).toEqual(["Close"]);
    expect(document.activeElement?.textContent).toBe("Close");
    // It is still shown when the line in the list has gone.
    stage.lists({ case: "snapshot", value: { rows: [] } });
    await drawn();
    expect(dialog()?.querySelector("[role=alert]")?.textContent).toBe("Mr Quill picked this patron up");
  });

  it("says that the patron has left", async () => {
    stage.lists({ case: "removed", value: { sessionId: "t", list: SessionList.NEW } });
    await drawn();
    expect(dialog()?.querySelector("[role=alert]")?.textContent).toBe("This patron has left the queue");
    expect(buttons()).toEqual(["Close"]);
  });

  it("waits for the rest of a list that is told anew in parts, and believes that the patron has gone after a while", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    // Longer than a drawing and its effects take.
    const aMoment = () => vi.advanceTimersByTimeAsync(500);
    stage.lists({ case: "snapshot", value: { rows: [] } });
    await aMoment();
    stage.lists({ case: "changed", value: waits });
    await aMoment();
    expect(buttons()).toEqual(["Pick up Ada", "Close"]);
    stage.lists({ case: "snapshot", value: { rows: [] } });
    const said = () => dialog()?.querySelector("[role=alert]")?.textContent;
    await aMoment();
    expect(said()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(said()).toBe("This patron is no longer waiting in your queues");
    expect(buttons()).toEqual(["Close"]);
  });
});

describe("the question whether an answer is meant as a note (R10)", () => {
  const noted = { case: "note", value: { $typeName: "carrel.session.v1.NoteWritten", text: "Ask her." } } as const;

  beforeEach(async () => {
    await stage.event(noted, QUILL);
    await stage.types("patron-box", "I will.");
    await stage.press("Enter");
    expect(stage.dialogs).toEqual(["Send to the patron, or as a note?"]);
  });

  it("is over when the session is no longer there, and what was typed is still the user's", async () => {
    await stage.detached({ code: 5, reason: "NOT_FOUND" });
    await drawn();
    expect(stage.dialogs).toEqual([]);
    stage.desk.writing.sendAsNote("s", 1);
    expect(stage.desk.drafts.of("s").patron).toBe("I will.");
    expect(stage.desk.link.sessions.value.has("s")).toBe(false);
    expect(stage.socket.all("act")).toEqual([]);
  });
});

describe("a log-in that has run out while the desk asks something", () => {
  it("comes first, and takes away nothing that was typed", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    stage.close();
    stage = await DeskStage.open({ held: ["s"] });
    await stage.attending();
    stage.desk.select("s");
    stage.desk.writing.type("s", { patron: "Is it you?" });
    stage.desk.writing.sendToPatron("s");
    stage.desk.writing.type("s", { patron: "It is of 1874." });
    stage.desk.im.write({ librarianId: "quill", screenName: "Mr Quill" } as LibrarianRow, "Are you there?");
    stage.desk.transfers.open("s");
    await drawn();
    const message = () => stage.root.querySelector<HTMLTextAreaElement>("#transfer-message");
    const box = message() as HTMLTextAreaElement;
    box.value = "She needs the plat book.";
    box.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn();
    vi.stubGlobal("fetch", async (path: string) =>
      path === "/v1/log-in"
        ? new Response(JSON.stringify({ token: { accessToken: "new" }, profile: FakeSocket.profile }))
        : new Response("{}", { status: 401 }),
    );
    stage.socket.onclose?.({ code: 4401, reason: "" });
    await drawn();
    vi.advanceTimersByTime(1_000);
    await drawn();
    expect(stage.dialogs).toEqual(["Transfer Ricky", "Log in again"]);
    // A librarian who can no longer log in can still copy it.
    const unsent = [...stage.root.querySelectorAll(".all-unsent blockquote")].map(({ textContent }) => textContent);
    expect(unsent).toEqual(["Is it you?", "It is of 1874.", "She needs the plat book.", "Are you there?"]);
    expect(await stage.desk.logIn("map@harbor", "demo")).toBeUndefined();
    await stage.greet();
    expect(stage.dialogs).toEqual(["Transfer Ricky"]);
    expect(message()?.value).toBe("She needs the plat book.");
  });
});

describe("what is new while the desk asks something (D82)", () => {
  const says = (text: string) =>
    stage.event({ case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text } }, RICKY);
  const heard = () =>
    [...stage.root.querySelectorAll("dialog")].map((dialog) => dialog.querySelector("[aria-live]")?.textContent);

  it("is read out in the dialog, since nothing outside of it is, and only from then on", async () => {
    await says("Before.");
    await stage.click("End Session");
    expect(heard()).toEqual([""]);
    await says("Are you there?");
    expect(heard()).toEqual(["Ricky: Are you there?"]);
    await stage.answer("Keep chatting");
    await stage.click(/^Transfer …/);
    expect(heard()).toEqual([""]);
  });
});

describe("a dialog that the browser closes by itself, as at the second Esc in a row", () => {
  it("is shown again as long as its question stands", async () => {
    await stage.click("End Session");
    const shown = vi.spyOn(HTMLDialogElement.prototype, "showModal");
    const dialog = stage.root.querySelector("dialog");
    dialog?.close();
    dialog?.dispatchEvent(new Event("close"));
    expect(dialog?.open).toBe(true);
    await stage.click("Keep chatting");
    dialog?.dispatchEvent(new Event("close"));
    expect(stage.dialogs).toEqual([]);
    expect(shown).toHaveBeenCalledTimes(1);
    shown.mockRestore();
  });
});
