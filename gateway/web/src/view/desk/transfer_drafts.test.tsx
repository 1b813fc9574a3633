import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasDrafts, hasUnsentWords } from "../../app/parts/leaving";
import { RefusedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { SessionEndedSchema, SessionTransferredSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, MAP, PLAT, QUILL, RICKY, ROW, THROW_AWAY } from "../../testing/desk_stage";

let stage: DeskStage;

/** The user owns session `s`, which is shown, and Mr Quill shares a queue with them. */
beforeEach(async () => {
  stage = await DeskStage.openAtWork();
  await stage.colleagues(QUILL, PLAT);
});

afterEach(() => stage.end());

/** The texts that the page shows as not sent. */
const shownUnsent = () => [...stage.root.querySelectorAll(".unsent blockquote")].map(({ textContent }) => textContent);

/** How each of it is headed. */
const headings = () => [...stage.root.querySelectorAll(".unsent .hint")].map(({ textContent }) => textContent);

const acts = () => stage.socket.all("act").map(({ act }) => act.case);

/** Closes the topmost dialog. */
async function leave(way: string): Promise<void> {
  const dialog = [...stage.root.querySelectorAll("dialog")].at(-1);
  if (way === "Escape") dialog?.dispatchEvent(new Event("cancel", { cancelable: true }));
  else stage.find("dialog button", way)?.click();
  await drawn();
}

async function choose(name: string): Promise<void> {
  stage.find("dialog label.target", name)?.querySelector("input")?.click();
  await drawn();
}

describe("what is typed in the Transfer dialog (D60)", () => {
  beforeEach(() => stage.click(/^Transfer …/));

  it.each(["Escape", "Cancel"])("is not thrown away by %s without a question", async (way) => {
    await choose("Mr Quill");
    await stage.types("transfer-message", "He needs the plat book.");
    await leave(way);
    expect(stage.dialogs).toEqual(["Transfer Ricky", THROW_AWAY]);
    await stage.answer("Keep writing");
    expect(stage.dialogs).toEqual(["Transfer Ricky"]);
    expect(stage.field("transfer-message").value).toBe("He needs the plat book.");
    expect(stage.find("dialog label.target", "Mr Quill")?.querySelector("input")?.checked).toBe(true);
    await leave(way);
    await stage.answer("Throw away");
    expect(stage.dialogs).toEqual([]);
    await stage.click(/^Transfer …/);
    expect(stage.field("transfer-message").value).toBe("");
  });

  it("is asked about, too, when it is for a librarian who is asked first, whoever is chosen then", async () => {
    await choose("Mr Quill");
    await stage.types("ask-first", "Can you take Ricky?");
    await choose("Ms Plat");
    expect(stage.field("ask-first").value).toBe("Can you take Ricky?");
    await choose("Queue Main");
    await leave("Escape");
    expect(stage.dialogs).toEqual(["Transfer Ricky", THROW_AWAY]);
    await stage.answer("Keep writing");
    await choose("Ms Plat");
    await stage.submit(".ask-first");
    expect(stage.field("ask-first").value).toBe("");
    await leave("Escape");
    expect(stage.dialogs).toEqual([]);
  });

  it("is not left behind by an offer without a question", async () => {
    await choose("Mr Quill");
    await stage.types("ask-first", "Can you take Ricky?");
    await stage.submit(".transfer-form");
    expect(stage.dialogs).toEqual(["Transfer Ricky", THROW_AWAY]);
    await stage.answer("Keep writing");
    expect(acts()).toEqual([]);
    await stage.submit(".transfer-form");
    await stage.answer("Throw away");
    expect(stage.dialogs).toEqual([]);
    expect(acts()).toEqual(["offerTransfer"]);
    expect(hasDrafts(stage.desk)).toBe(false);
  });

  it("is nothing to ask about before anything is typed, or once it is offered", async () => {
    await choose("Mr Quill");
    await stage.types("transfer-message", "  ");
    await leave("Escape");
    expect(stage.dialogs).toEqual([]);
    await stage.click(/^Transfer …/);
    await choose("Mr Quill");
    await stage.types("transfer-message", "He needs the plat book.");
    expect(hasDrafts(stage.desk)).toBe(true);
    await stage.submit(".transfer-form");
    expect(hasDrafts(stage.desk)).toBe(false);
    expect(stage.dialogs).toEqual([]);
  });

  it("is there again when something else was asked meanwhile", async () => {
    await stage.types("transfer-message", "He needs the plat book.");
    stage.desk.ask({ kind: "queues" });
    await drawn();
    stage.desk.cancel();
    await stage.click(/^Transfer …/);
    expect(stage.field("transfer-message").value).toBe("He needs the plat book.");
  });

  it("is there again when the offer is refused", async () => {
    await choose("Mr Quill");
    await stage.types("transfer-message", "He needs the plat book.");
    await stage.submit(".transfer-form");
    const refusal = { code: 9, reason: "NOT_SHARED", message: "Mr Quill has left the desk." };
    const commandId = stage.socket.all("act")[0]?.commandId ?? "";
    stage.socket.push({ case: "refused", value: create(RefusedSchema, { commandId, sessionId: "s", refusal }) });
    await drawn();
    expect(stage.root.querySelector(".toast")?.textContent).toContain("Mr Quill has left the desk.");
    await stage.click(/^Transfer …/);
    expect(stage.field("transfer-message").value).toBe("He needs the plat book.");
  });

  it.each(["Escape", "Close"])("is still to be read when the session ends first, also after %s", async (way) => {
    await choose("Mr Quill");
    await stage.types("ask-first", "Can you take Ricky?");
    await stage.types("transfer-message", "He needs the plat book.");
    await stage.event({ case: "ended", value: create(SessionEndedSchema) }, RICKY);
    expect(stage.root.querySelector("dialog")?.textContent).toContain("He needs the plat book.");
    await leave(way);
    expect(stage.dialogs).toEqual([]);
    expect(shownUnsent()).toEqual(["He needs the plat book.", "Can you take Ricky?"]);
    await stage.click("Put away");
    expect(stage.dialogs).toEqual([THROW_AWAY]);
    await stage.answer("Throw away");
    expect(hasDrafts(stage.desk)).toBe(false);
  });

  it("is still to be read when the session is somebody else's first", async () => {
    await stage.types("transfer-message", "He needs the plat book.");
    await stage.event({ case: "transferred", value: create(SessionTransferredSchema, { from: MAP }) }, QUILL);
    await stage.detached({ code: 9, reason: "NO_LONGER_OWNER" });
    await leave("Escape");
    expect(shownUnsent()).toEqual(["He needs the plat book."]);
  });

  it("is still to be read when the session was lost while the offer was on its way", async () => {
    await choose("Mr Quill");
    await stage.types("transfer-message", "He needs the plat book.");
    await stage.submit(".transfer-form");
    expect(hasUnsentWords(stage.desk)).toBe(true);
    await stage.detached({ code: 9, reason: "NO_LONGER_OWNER" });
    stage.desk.list.value = "mine";
    await drawn();
    expect(shownUnsent()).toEqual(["He needs the plat book."]);
    expect(headings()).toEqual(["Not confirmed as sent:"]);
  });
});

describe("a question to ask first that is refused", () => {
  beforeEach(async () => {
    await stage.click(/^Transfer …/);
    await choose("Mr Quill");
    await stage.types("ask-first", "Can you take Ricky?");
    await stage.submit(".ask-first");
  });

  async function refuse(code: number): Promise<void> {
    const commandId = stage.socket.all("imSend").at(-1)?.commandId ?? "";
    const refusal = { code, reason: "x", message: "Mr Quill is away." };
    stage.socket.push({ case: "refused", value: create(RefusedSchema, { commandId, refusal }) });
    await drawn();
  }

  it("can be sent again from where it stands, and given up", async () => {
    await refuse(9);
    stage.find(".ask-first button", "Retry")?.focus();
    await stage.click("Retry");
    expect(stage.socket.all("imSend").map(({ text }) => text)).toEqual(["Can you take Ricky?", "Can you take Ricky?"]);
    expect(document.activeElement?.id).toBe("ask-first");
    await refuse(9);
    await stage.click("Discard");
    expect(stage.root.querySelector(".ask-first-lines")).toBeNull();
    expect(document.activeElement?.id).toBe("ask-first");
  });

  it("goes back into the box where it would only be refused again", async () => {
    await refuse(3);
    await stage.click("Edit");
    expect(stage.field("ask-first").value).toBe("Can you take Ricky?");
    expect(document.activeElement?.id).toBe("ask-first");
  });
});

describe("the reason that is typed to decline an offer (D60)", () => {
  const reason = () => stage.root.querySelector<HTMLInputElement>(".offer input");

  beforeEach(async () => {
    const lapseTime = timestampFromMs(Date.now() + 60_000);
    const transferOffer = { offerId: "o1", from: QUILL, to: { case: "librarian" as const, value: MAP }, lapseTime };
    const row = { ...ROW, sessionId: "t", list: SessionList.OFFERED, transferOffer };
    stage.lists({ case: "snapshot", value: { rows: [row] } });
    await drawn();
    await stage.types(reason()?.id ?? "", "I am leaving.");
  });

  it("is not thrown away by Later without a question", async () => {
    expect(hasDrafts(stage.desk)).toBe(true);
    await stage.click(/^Later/);
    expect(stage.dialogs).toEqual([THROW_AWAY]);
    await stage.answer("Keep writing");
    expect(reason()?.value).toBe("I am leaving.");
    await stage.click(/^Later/);
    await stage.answer("Throw away");
    expect(reason()).toBeNull();
    expect(hasDrafts(stage.desk)).toBe(false);
  });

  it("goes with the refusal also from the list", async () => {
    stage.desk.transfers.decline(stage.desk.transfers.offered.value[0] ?? expect.fail("nothing is offered"));
    const [act] = stage.socket.all("act");
    expect(act?.act).toMatchObject({ case: "declineTransfer", value: { reason: "I am leaving." } });
  });

  it("is nothing any more when the offer is over", async () => {
    stage.lists({ case: "removed", value: { list: SessionList.OFFERED, sessionId: "t" } });
    await drawn();
    expect(hasDrafts(stage.desk)).toBe(false);
  });
});

describe("what is typed in the boxes when somebody accepts the session", () => {
  const accepted = async () => {
    await stage.event({ case: "transferred", value: create(SessionTransferredSchema, { from: MAP }) }, QUILL);
    await stage.detached({ code: 9, reason: "NO_LONGER_OWNER" });
  };

  it("was not sent, and is said to be so", async () => {
    await stage.types("patron-box", "I have found it");
    await accepted();
    expect(shownUnsent()).toEqual(["I have found it"]);
    expect(headings()).toEqual(["Not sent:"]);
  });

  it("may have been sent if some of it was on its way, until the box is emptied", async () => {
    await stage.types("note-box", "Ask him.");
    await stage.types("patron-box", "I have found it");
    await stage.submit(".patron-box form");
    await accepted();
    expect(shownUnsent()).toEqual(["I have found it", "Ask him."]);
    expect(headings()).toEqual(["Not confirmed as sent:", "Not sent:"]);
    stage.desk.drafts.change("s", { patron: "" });
    stage.desk.drafts.change("s", { patron: "Anew" });
    await drawn();
    expect(headings()).toEqual(["Not sent:", "Not sent:"]);
  });
});
