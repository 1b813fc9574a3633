import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isChatUnsent } from "../../app/parts/leaving";
import { AcceptedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { FakeSocket } from "../../testing/gateway";
import { PatronPage } from "../../testing/patron_page";

const QUESTION = "Where is the plat book?";
const LATER = "Where is the plat book of 1890?";

let page: PatronPage;
/** How often the patron was let in. */
let admitted: () => number;

beforeEach(async () => {
  page = await PatronPage.open();
  const answer = fetch;
  let count = 0;
  globalThis.fetch = async (path, request) => {
    if (path === "/v1/admit") count += 1;
    return answer(path, request);
  };
  admitted = () => count;
  await page.types("question", QUESTION);
  await page.press("Start the chat");
  FakeSocket.last?.open();
  await page.drawn();
});

afterEach(() => page.close());

const alert = () => page.root.querySelector("[role=alert]")?.textContent ?? "";
const asked = () =>
  page.acts.map(({ commandId, act }) => [commandId, act.case === "openSession" ? act.value.question : ""]);
const stored = () => sessionStorage.getItem("carrel.ask.maple");

/** The service leaves open whether the question was taken, as often as the page sends it by itself. */
async function leavesOpen(times = 3): Promise<void> {
  for (let tries = 0; tries < times; tries += 1) {
    await page.refuses({ code: 13, reason: "LOG_REFUSED", message: "The log could not take this." });
  }
}

/** The service takes what was asked last. */
async function accepts(question: string): Promise<void> {
  const commandId = page.acts.at(-1)?.commandId ?? "";
  FakeSocket.last?.push({ case: "accepted", value: create(AcceptedSchema, { commandId, sessionId: "s" }) });
  await page.attends({ state: SessionState.WAITING, question });
}

describe("a question of which nobody knows whether it was taken (I14, D60)", () => {
  it("is said to be so, and goes again as the same command, to the same session", async () => {
    await leavesOpen();
    expect(alert()).toContain("not certain whether your question got through");
    expect(alert()).toContain("The log could not take this.");
    expect(stored()).not.toBeNull();
    await page.press("Start the chat");
    const [first, again, ...more] = asked();
    expect(again).toEqual(first);
    expect(more).toEqual([]);
    await accepts(QUESTION);
    expect(page.chat.stage.value).toBe("waiting");
    expect(page.chat.draft.value).toBe("");
    expect(admitted()).toBe(1);
  });

  it("can be sent again as often as that stays open", async () => {
    await leavesOpen();
    await page.press("Start the chat");
    await leavesOpen(1);
    expect(page.field("question").readOnly).toBe(false);
    expect(alert()).toContain("not certain");
    await page.press("Start the chat");
    expect(new Set(asked().map(([commandId]) => commandId)).size).toBe(1);
    expect(admitted()).toBe(1);
  });

  it("is what the patron waits with if it was taken, and what they have written since is kept", async () => {
    await leavesOpen();
    await page.types("question", LATER);
    await page.press("Start the chat");
    expect(asked().at(-1)?.[1]).toBe(QUESTION);
    await accepts(QUESTION);
    expect(page.chat.stage.value).toBe("waiting");
    expect(page.field("message").value).toBe(LATER);
    expect(page.root.textContent).toContain("has not been sent");
    await page.press("Send");
    expect(page.acts.at(-1)?.act).toMatchObject({ case: "postMessage", value: { text: LATER } });
    // What is on its way is still visible.
    expect(page.root.querySelector("[role=log]")?.textContent).toContain(LATER);
  });

  it("is still there when the gateway will not have the page before the patron is in the session", async () => {
    const commandId = page.acts.at(-1)?.commandId ?? "";
    FakeSocket.last?.push({ case: "accepted", value: create(AcceptedSchema, { commandId, sessionId: "s" }) });
    FakeSocket.last?.onclose?.({ code: 4400, reason: "" });
    await page.drawn();
    expect(page.root.textContent).toContain("Your chat is kept");
    expect(isChatUnsent(page.chat)).toBe(true);
    expect(page.root.querySelector(".unsent blockquote")?.textContent).toBe(QUESTION);
    await page.press("Ask a new question instead");
    expect(page.field("question").value).toBe(QUESTION);
  });

  it.each([
    { fate: "was not taken", refusal: { code: 3, message: "x" } },
    { fate: "stays open", refusal: { code: 13, message: "x" } },
  ])("makes room for what the patron has written since when it $fate", async ({ refusal }) => {
    await leavesOpen();
    await page.types("question", LATER);
    await page.press("Start the chat");
    await page.refuses(refusal);
    const [first, , last, ...more] = asked();
    expect(last?.[1]).toBe(LATER);
    expect(last?.[0]).not.toBe(first?.[0]);
    expect(more).toEqual([]);
    expect(page.chat.busy.value).toBe(true);
    await accepts(LATER);
    expect(page.chat.stage.value).toBe("waiting");
    expect(page.chat.draft.value).toBe("");
    expect(admitted()).toBe(1);
  });

  it("is kept, and goes again as the same command, when the gateway will not have the page", async () => {
    const [first] = asked();
    FakeSocket.last?.onclose?.({ code: 4400, reason: "" });
    await page.drawn();
    expect(alert()).toContain("not certain whether your question got through");
    expect(page.chat.stage.value).toBe("form");
    await page.press("Start the chat");
    FakeSocket.last?.open();
    await page.drawn();
    expect(asked()).toEqual([first]);
    expect(admitted()).toBe(1);
  });
});

describe("a question that was certainly not taken", () => {
  it("is asked anew from another admission", async () => {
    await page.refuses({ code: 7, message: "Your role does not allow this." });
    expect(alert()).not.toContain("not certain");
    expect(stored()).toBeNull();
    await page.press("Start the chat");
    await page.drawn();
    expect(admitted()).toBe(2);
  });
});
