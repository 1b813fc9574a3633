import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AcceptedSchema, RefusedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { RefusalSchema } from "../../gen/carrel/refusal/v1/refusal_pb";
import { SessionPickedUpSchema, SessionTransferredSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { SessionList, SessionRowSchema } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, MAP, QUILL, ROW, THROW_AWAY } from "../../testing/desk_stage";

let stage: DeskStage;

beforeEach(async () => {
  stage = await DeskStage.open({ held: ["s"] });
});

afterEach(() => stage.end());

/** Accepts the last command. */
async function accepted(sessionId: string): Promise<void> {
  const commandId = stage.socket.all("act").at(-1)?.commandId ?? "";
  stage.socket.push({ case: "accepted", value: create(AcceptedSchema, { sessionId, commandId }) });
  await drawn();
}

describe("a patron who is picked up", () => {
  const waits = { ...ROW, sessionId: "t", patronName: "Ada", list: SessionList.NEW, queueIds: ["main"] };
  const shown = () => [stage.desk.tab.value, stage.desk.list.value, stage.desk.view.value?.sessionId];
  const told = () => stage.desk.notices.shown.value.map(({ text }) => text);

  beforeEach(async () => {
    await stage.atWork();
    await stage.types("patron-box", "It is of ");
    stage.lists({ case: "snapshot", value: { rows: [waits] } });
    await drawn();
    const row = stage.root.querySelector<HTMLElement>(".row-main");
    row?.focus();
    row?.click();
    await drawn();
  });

  it("is before the user at once, whatever they had typed before that", async () => {
    await accepted("t");
    expect(shown()).toEqual(["chat", "mine", "t"]);
    expect(told()).toEqual([]);
  });

  it("does not take who types on meanwhile into another patron's box, and is told of", async () => {
    await stage.types("patron-box", "It is of 1874");
    await accepted("t");
    expect(shown()).toEqual(["chat", "new", "s"]);
    expect(document.activeElement?.id).toBe("patron-box");
    expect(told()).toEqual(["You have Ada now; the session is under My Active."]);
  });

  it("is not left for another one whom the page has gone to meanwhile", async () => {
    const another = { ...waits, sessionId: "u", patronName: "Ben" };
    stage.lists({ case: "changed", value: another });
    stage.desk.pickUp("u");
    await drawn();
    const [ada, ben] = stage.socket.all("act").slice(-2);
    for (const act of [ada, ben]) {
      const { sessionId = "", commandId = "" } = act ?? {};
      stage.socket.push({ case: "accepted", value: create(AcceptedSchema, { sessionId, commandId }) });
      await drawn();
    }
    expect(shown()).toEqual(["chat", "mine", "u"]);
    expect(told()).toEqual([]);
  });

  it("does not take away who looks at another list meanwhile", async () => {
    stage.desk.list.value = "librarians";
    await accepted("t");
    expect(shown()).toEqual(["chat", "librarians", "s"]);
    expect(told()).toEqual(["You have Ada now; the session is under My Active."]);
  });

  it("does not take away who looks at something else meanwhile", async () => {
    stage.desk.tab.value = "im";
    await accepted("t");
    expect(shown()).toEqual(["im", "new", "s"]);
    expect(told()).toEqual(["You have Ada now; the session is under My Active."]);
  });
});

describe("a session that is entered in conference mode", () => {
  it("does not take away who looks at something else meanwhile", async () => {
    const row = create(SessionRowSchema, { ...ROW, sessionId: "t", patronName: "Ada", list: SessionList.ALL });
    stage.lists({ case: "snapshot", value: { rows: [row] } });
    stage.desk.enter(row);
    await stage.atWork();
    await accepted("t");
    expect(stage.desk.view.value?.sessionId).toBe("s");
    expect(stage.desk.notices.shown.value).toMatchObject([
      { text: "You are in conference mode with Ada now; the session is under All." },
    ]);
  });
});

describe("a session that the user takes over on another of their monitors (R18)", () => {
  it("is attended anew as its owner's", async () => {
    await stage.attending(Part.COLLEAGUE);
    const before = stage.socket.all("attend").length;
    await stage.event({ case: "pickedUp", value: create(SessionPickedUpSchema) }, QUILL);
    expect(stage.socket.all("attend")).toHaveLength(before);
    await stage.event({ case: "pickedUp", value: create(SessionPickedUpSchema) }, MAP);
    expect(stage.socket.all("attend")).toHaveLength(before + 1);
    await stage.attending();
    expect(stage.desk.link.sessions.value.get("s")?.part).toBe(Part.OWNER);
  });
});

describe("what is typed in a session that is left", () => {
  it("can be read until it is thrown away, also when nothing else is on the desk (D60)", async () => {
    await stage.attending(Part.COLLEAGUE);
    stage.desk.writing.type("s", { note: "The map is in drawer 7." });
    stage.desk.leave("s");
    await accepted("s");
    stage.desk.list.value = "mine";
    await drawn();
    const left = () => stage.root.querySelector(".left-behind")?.textContent;
    expect(left()).toContain("The map is in drawer 7.");
    await stage.click("Throw away what was typed for Ricky");
    await stage.answer("Throw away");
    expect(left()).toBeUndefined();
    expect(stage.desk.drafts.any).toBe(false);
  });
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

describe("a session that was handed over, and is offered back", () => {
  it("still lies on the desk when it is accepted too late", async () => {
    await stage.attending();
    await stage.event({ case: "transferred", value: create(SessionTransferredSchema) }, QUILL);
    await stage.detached({ code: 9, reason: "NO_LONGER_OWNER" });
    const transferOffer = { offerId: "o", from: QUILL, to: { case: "librarian", value: MAP } } as const;
    const row = create(SessionRowSchema, { ...ROW, list: SessionList.OFFERED, transferOffer });
    stage.lists({ case: "snapshot", value: { rows: [row] } });
    stage.desk.accept(row);
    const commandId = stage.socket.all("act").at(-1)?.commandId ?? "";
    const refusal = create(RefusalSchema, { code: 9, reason: "OFFER_CLOSED", metadata: { outcome: "LAPSED" } });
    stage.socket.push({ case: "refused", value: create(RefusedSchema, { sessionId: "s", commandId, refusal }) });
    expect(stage.desk.notices.shown.value.at(-1)?.text).toContain("This offer has lapsed");
    expect(stage.desk.isPickingUp("s")).toBe(false);
    expect(stage.desk.handedOver.value.map(({ sessionId }) => sessionId)).toEqual(["s"]);
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
    await stage.detached({ code: 9, reason });
    expect(stage.desk.link.sessions.value.has("s")).toBe(false);
    expect(stage.desk.notices.shown.value.at(-1)?.text).toContain("What you have typed comes back");
    expect(stage.desk.drafts.of("s")).toMatchObject({
      patron: "It is of 1874.\nOr of 1890?",
      note: "Ask her.\nTwice.",
      page: "https://maple.example",
    });
    // Whether or not the session ever comes back, the text can be read and copied.
    stage.desk.list.value = "mine";
    await drawn();
    const left = () =>
      [...stage.root.querySelectorAll(".left-behind blockquote")].map(({ textContent }) => textContent);
    expect(left()).toEqual(["It is of 1874.\nOr of 1890?", "Ask her.\nTwice.", "https://maple.example"]);
    expect(stage.root.querySelector(".left-behind h3")?.textContent).toBe("Ricky");
    // Some of it was in flight.
    expect(stage.root.querySelector(".left-behind .hint")?.textContent).toBe("Not confirmed as sent:");
    await stage.click("Throw away what was typed for Ricky");
    expect(stage.dialogs).toEqual([THROW_AWAY]);
    await stage.answer("Keep writing");
    expect(left()).toHaveLength(3);
    stage.desk.link.input("s", { kind: "attend" });
    await stage.attending(part);
    stage.desk.select("s");
    await drawn();
    expect(left()).toEqual([]);
    expect(stage.field("note-box").value).toBe("Ask her.\nTwice.");
  });
});
