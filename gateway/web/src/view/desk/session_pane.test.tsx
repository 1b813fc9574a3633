import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  SessionEndedSchema,
  TransferClosedSchema,
  TransferOutcome,
} from "../../gen/carrel/session/v1/session_event_pb";
import { EndReason, Part } from "../../gen/carrel/session/v1/session_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, MAP, QUILL, RICKY, ROW } from "../../testing/desk_stage";
import { until } from "../../testing/until";

const noted = { case: "note", value: { $typeName: "carrel.session.v1.NoteWritten", text: "Ask her." } } as const;
const left = { case: "colleagueLeft", value: { $typeName: "carrel.session.v1.ColleagueLeft" } } as const;

let stage: DeskStage;

/** The user owns session `s`, which is shown. */
beforeEach(async () => {
  stage = await DeskStage.open();
  stage.lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.MY_ACTIVE, owner: MAP }] } });
  await stage.atWork();
});

afterEach(() => stage.end());

async function send(text: string): Promise<void> {
  stage.desk.writing.type("s", { patron: text });
  await sendAgain();
}

async function sendAgain(): Promise<void> {
  stage.desk.writing.sendToPatron("s");
  await drawn();
}

/** The question whether it should go to the patron. */
const question = () => stage.root.querySelector(".guard");

/** What went to the patron and what went to staff. */
const sent = () =>
  stage.socket
    .all("act")
    .map(({ act }) => act.case)
    .filter((deed) => deed === "postMessage" || deed === "writeNote");

describe("the question before a note is answered in the patron's box (R10)", () => {
  it("comes also when whoever wrote the note has left", async () => {
    await stage.event(noted, QUILL);
    await stage.event(left, QUILL);
    await send("Oh thanks.");
    expect(question()?.textContent).toContain("a note from Mr Quill");
    expect(sent()).toEqual([]);
  });

  it("comes after an offer that was declined with words, too, and names who has declined", async () => {
    await stage.event(noted, MAP);
    const closed = create(TransferClosedSchema, {
      offerId: "o",
      outcome: TransferOutcome.DECLINED,
      reason: "At lunch",
    });
    await stage.event({ case: "transferClosed", value: closed }, QUILL);
    await send("Oh ok, no problem.");
    expect(question()?.textContent).toContain("a note from Mr Quill");
  });

  it("comes again after Keep writing, until it was answered", async () => {
    await stage.event(noted, QUILL);
    await send("Oh thanks.");
    await stage.click(/^Keep writing$/);
    expect(question()).toBeNull();
    await sendAgain();
    expect(question()).not.toBeNull();
    stage.root.querySelector("dialog")?.dispatchEvent(new Event("cancel", { cancelable: true }));
    await drawn();
    await sendAgain();
    expect(question()).not.toBeNull();
    expect(sent()).toEqual([]);
  });

  it.each([
    [/^Send as a note$/, "writeNote"],
    [/^Send to Ricky$/, "postMessage"],
  ] as const)("comes once for each note: after %s no more", async (answer, deed) => {
    await stage.event(noted, QUILL);
    await send("Oh thanks.");
    await stage.click(answer);
    await send("One moment.");
    expect(question()).toBeNull();
    expect(sent()).toEqual([deed, "postMessage"]);
  });
});

describe("a session that has ended (D52)", () => {
  it("has nobody who types, whatever sign of it comes late", async () => {
    const types = () => stage.root.querySelector(".session-pane")?.textContent?.includes("is typing");
    await stage.typing(RICKY);
    expect(types()).toBe(true);
    await stage.event({ case: "ended", value: create(SessionEndedSchema) }, MAP);
    expect(types()).toBe(false);
    await stage.typing(RICKY);
    expect(types()).toBe(false);
  });
});

describe("a session whose patron did not come back (D53)", () => {
  it("says that nobody ended it", async () => {
    const ended = create(SessionEndedSchema, { reason: EndReason.ABANDONED });
    await stage.event({ case: "ended", value: ended }, undefined);
    expect(stage.root.querySelector(".banner.over")?.textContent).toContain(
      "Ended by itself: the patron did not come back.",
    );
  });
});

describe("an offer that is gone (D82)", () => {
  it.each(["chat", "im"] as const)("leaves the focus at the tab that is open, in %s", async (tab) => {
    stage.desk.tab.value = tab;
    const transferOffer = { offerId: "o", from: QUILL, to: { case: "librarian" as const, value: MAP } };
    const row = { ...ROW, sessionId: "t", list: SessionList.OFFERED, owner: QUILL, transferOffer };
    stage.lists({ case: "changed", value: row });
    await drawn();
    stage.find("button", /^Decline/)?.focus();
    await stage.click(/^Decline/);
    stage.lists({ case: "removed", value: { list: SessionList.OFFERED, sessionId: "t" } });
    await until(() => expect(document.activeElement?.getAttribute("role")).toBe("tab"));
    expect(document.activeElement?.getAttribute("aria-selected")).toBe("true");
    expect(document.activeElement?.id).toBe(tab === "im" ? "tab-im" : "tab-list-new");
  });
});

describe("a session in conference mode (S14)", () => {
  it("is left once, however often the button is pressed", async () => {
    await stage.attending(Part.COLLEAGUE);
    stage.find("button", "Leave Session")?.click();
    stage.find("button", "Leave Session")?.click();
    await drawn();
    expect(stage.socket.all("act").map(({ act }) => act.case)).toEqual(["leaveConference"]);
    expect(stage.find(".session-actions button", "Leaving …")?.getAttribute("aria-disabled")).toBe("true");
  });
});

describe("what the banner says of who knows (R4)", () => {
  it("is that nobody does, once the supervisor has left and come back", async () => {
    await stage.attending(Part.COLLEAGUE);
    const hint = () => stage.root.querySelector(".conference-banner span")?.textContent;
    expect(hint()).toBe("Mr Quill is not told that you are here until you write.");
    await stage.event(noted, MAP);
    expect(hint()).toBe("Mr Quill knows that you are here; the patron does not.");
    await stage.event(left, MAP);
    expect(hint()).toBe("Mr Quill is not told that you are here until you write.");
  });
});

describe("a desk that is cut off (K9)", () => {
  it("says so in the session, and not that the patron is there", async () => {
    const said = () => stage.root.querySelector(".session-pane .notice.warn")?.textContent;
    const state = () => stage.root.querySelector(".session-facts .patron-state");
    expect(said()).toBeUndefined();
    expect(state()).not.toBeNull();
    stage.socket.onclose?.({ code: 1006, reason: "" });
    stage.desk.cutOff.tick(Date.now());
    stage.desk.cutOff.tick(Date.now() + 6_000);
    await drawn();
    expect(said()).toContain("The desk is not connected.");
    expect(state()).toBeNull();
  });
});

describe("a patron's name that is longer than its place", () => {
  it("can be read whole in the list and at the head of the session", async () => {
    stage.find("[role=tab]", /^My Active/)?.click();
    await drawn();
    const titles = [...stage.root.querySelectorAll(".row-name, .session-title h2")].map((name) => [
      name.textContent,
      name.getAttribute("title"),
    ]);
    expect(titles).toEqual([
      ["Ricky", "Ricky"],
      ["Ricky", "Ricky"],
    ]);
  });
});

describe("what goes from the desk (D82)", () => {
  it("goes to the policy that is opened, which Escape closes at once (D37)", async () => {
    await stage.click("Policy");
    expect(document.activeElement?.id).toBe("policy");
    await stage.press("Escape");
    expect(stage.root.querySelector("#policy")).toBeNull();
    expect(document.activeElement?.textContent?.trim()).toBe("Policy");
  });

  it("gives the focus back where the policy was opened", async () => {
    await stage.click("Policy");
    stage.find("button", "Close the policy")?.focus();
    await stage.click("Close the policy");
    expect(document.activeElement?.textContent?.trim()).toBe("Policy");
  });

  it.each(["closed", "overtaken"] as const)("leaves the focus of a message that is %s at the open tab", async (how) => {
    stage.desk.notify("Nobody accepted Ricky in time.", "plain", "s");
    await drawn();
    const close = stage.find("button", "Close this message");
    close?.focus();
    if (how === "closed") close?.click();
    else stage.desk.notices.overtake("s");
    await until(() => expect(document.activeElement?.getAttribute("role")).toBe("tab"));
  });
});

describe("a session that cannot be reached", () => {
  it("says why, and lets what is typed stand", async () => {
    stage.desk.writing.type("s", { patron: "It is of 1874." });
    await stage.detached({ code: 15, reason: "LOG_DAMAGED", message: "It can't be read." });
    expect(stage.alerts.map(({ textContent }) => textContent)).toEqual([
      "This session cannot be reached right now; the desk keeps trying. It can't be read.",
    ]);
    expect(stage.field("patron-box").value).toBe("It is of 1874.");
  });
});

describe("the messages of the desk (WCAG 2.2.1)", () => {
  const told = () => [...stage.root.querySelectorAll(".toast span")].map((text) => text.textContent);

  it("wait for whoever has the focus there, and go on when it has gone elsewhere", async () => {
    stage.desk.notify("Mr Quill picked this patron up.");
    await drawn();
    stage.find("button", "Close this message")?.focus();
    stage.desk.notices.expire(Date.now() + 60_000);
    await drawn();
    expect(told()).toEqual(["Mr Quill picked this patron up."]);
    stage.find("main [role=tab]", /^New/)?.focus();
    await drawn();
    stage.desk.notices.expire(Date.now() + 120_000);
    await drawn();
    expect(told()).toEqual([]);
  });

  it("are put away together where there are several, and leave the focus at the open tab", async () => {
    stage.desk.notify("Your message was not sent.", "bad");
    stage.desk.notify("The log could not take this.", "bad");
    await drawn();
    stage.find("button", "Close all messages")?.focus();
    await stage.click("Close all messages");
    expect(told()).toEqual([]);
    await until(() => expect(document.activeElement?.getAttribute("role")).toBe("tab"));
  });
});

describe("a message that nobody confirms (D60)", () => {
  it("is remarked on after a while by this browser's own clock", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    stage.close();
    stage = await DeskStage.open({ held: ["s"] });
    await stage.attending();
    stage.desk.select("s");
    await send("One moment.");
    const state = () => stage.root.querySelector(".message-state")?.textContent;
    expect(state()).toContain("Sending …");
    for (let heard = 0n; heard < 4n; heard += 1n) {
      vi.advanceTimersByTime(8_000);
      stage.socket.push({ case: "pong", value: { $typeName: "carrel.gateway.v1.Pong", number: heard } });
    }
    await drawn();
    expect(state()).toContain("Not confirmed yet.");
    vi.useRealTimers();
  });
});
