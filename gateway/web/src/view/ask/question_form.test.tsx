import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { FakeSocket } from "../../testing/gateway";
import { PatronPage } from "../../testing/patron_page";
import { until } from "../../testing/until";

const QUESTION = "Where is the plat book?";

let page: PatronPage;

beforeEach(async () => {
  page = await PatronPage.open();
});

afterEach(() => page.close());

/** The hint beside a field. */
const beside = (id: string) => page.root.querySelector(`#${id}-hint`);

describe("the form", () => {
  it("has the cursor in the question", () => {
    expect(document.activeElement?.id).toBe("question");
  });

  it("says what the e-mail address is for, and that no transcript is sent to it (D59)", () => {
    expect(beside("email")?.textContent).toContain("No transcript is sent");
    expect(page.field("email").getAttribute("aria-describedby")).toBe("email-hint");
  });

  it("marks an address that is none, takes the focus there, and sends nothing", async () => {
    await page.types("question", QUESTION);
    await page.types("email", "ricky");
    await page.press("Start the chat");
    expect(beside("email")?.textContent).toContain("not an e-mail address");
    expect(beside("email")?.getAttribute("role")).toBe("alert");
    expect(page.field("email").getAttribute("aria-invalid")).toBe("true");
    expect(document.activeElement?.id).toBe("email");
    expect(page.chat.busy.value).toBe(false);
    await page.types("email", "ricky@example.org");
    expect(page.field("email").getAttribute("aria-invalid")).toBe("false");
    expect(beside("email")?.textContent).not.toContain("not an e-mail address");
  });

  it("goes to the first of several things that are wrong, and stays where the patron writes then", async () => {
    await page.types("email", "ricky");
    await page.press("Start the chat");
    expect(document.activeElement?.id).toBe("question");
    await page.types("question", QUESTION);
    expect(document.activeElement?.id).toBe("question");
    expect(page.field("email").getAttribute("aria-invalid")).toBe("true");
  });

  it("says aloud again what is wrong when it is sent again as it is (D82)", async () => {
    await page.types("question", QUESTION);
    await page.types("email", "ricky");
    await page.press("Start the chat");
    const said = beside("email");
    await page.press("Start the chat");
    expect(beside("email")?.textContent).toBe(said?.textContent);
    expect(beside("email")).not.toBe(said);
  });
});

describe("a library that cannot be read", () => {
  beforeEach(async () => {
    page.close();
    page = await PatronPage.open(false, { libraryFails: true });
  });

  it("is said again each time that it is tried in vain (D82)", async () => {
    const said = page.root.querySelector("[role=alert]");
    expect(said?.textContent).toContain("is not answering");
    await page.press("Try again");
    const again = page.root.querySelector("[role=alert]");
    expect(again?.textContent).toBe(said?.textContent);
    expect(again).not.toBe(said);
  });
});

describe("a question on its way", () => {
  beforeEach(async () => {
    await page.types("question", QUESTION);
    await page.types("email", "ricky@localhost");
  });

  it("stays in the form, whatever the server says to a field, and without its name there (R23)", async () => {
    const form = page.root.querySelector("form");
    await page.press("Start the chat");
    FakeSocket.last?.open();
    await page.drawn();
    expect(page.chat.stage.value).toBe("opening");
    expect(page.root.querySelector("form")).toBe(form);
    expect(page.field("question").readOnly).toBe(true);
    const description = "it is not an e-mail address";
    const fieldViolations = [{ field: "patron_email", description }];
    await page.refuses({ code: 3, message: `patron_email: ${description}`, fieldViolations });
    expect(page.root.querySelector("form")).toBe(form);
    expect(beside("email")?.textContent).toBe("It is not an e-mail address.");
    expect(page.root.textContent).not.toContain("patron_email");
    expect(document.activeElement?.id).toBe("email");
    expect(page.field("question").readOnly).toBe(false);
    expect(page.field("question").value).toBe(QUESTION);
  });

  it("is told what is wrong with each of its fields at once, and has the focus at the first (R23)", async () => {
    await page.press("Start the chat");
    FakeSocket.last?.open();
    const fieldViolations = [
      { field: "patron_name", description: "it contains a hidden control character (U+0007); remove it" },
      { field: "patron_email", description: "it is not an e-mail address" },
    ];
    await page.refuses({ code: 3, message: "x", fieldViolations });
    expect(beside("name")?.textContent).toBe("It contains a hidden control character (U+0007); remove it.");
    expect(beside("email")?.textContent).toBe("It is not an e-mail address.");
    expect(document.activeElement?.id).toBe("name");
  });

  it("stays mended when more comes from the server", async () => {
    await page.press("Start the chat");
    FakeSocket.last?.open();
    const fieldViolations = [{ field: "patron_email", description: "it is not an e-mail address" }];
    await page.refuses({ code: 3, message: "x", fieldViolations });
    await page.types("email", "ricky@example.org");
    FakeSocket.last?.push({ case: "pong", value: { $typeName: "carrel.gateway.v1.Pong", number: 1n } });
    await page.drawn();
    expect(page.field("email").getAttribute("aria-invalid")).toBe("false");
    await page.press("Start the chat");
    expect(page.acts.length).toBe(2);
  });

  it("stays in the form when the patron is let in no longer, and goes from there once more (I14, D60)", async () => {
    await page.types("name", "Ricky");
    await page.press("Start the chat");
    FakeSocket.last?.onclose?.({ code: 4401, reason: "" });
    await until(() => expect(page.chat.busy.value).toBe(false));
    await page.drawn();
    expect(page.root.querySelector("[role=alert]")?.textContent).toContain("send it again");
    expect(page.field("question").readOnly).toBe(false);
    expect([page.field("question").value, page.field("name").value]).toEqual([QUESTION, "Ricky"]);
    await page.press("Start the chat");
    FakeSocket.last?.open();
    await page.drawn();
    expect(page.root.querySelector("[role=alert]")).toBeNull();
    expect(page.acts.map(({ act }) => act.case)).toEqual(["openSession"]);
    await page.attends({ state: SessionState.WAITING });
    expect(page.chat.stage.value).toBe("waiting");
  });

  it("stays in the form when the gateway will not have the page, and goes from there once more", async () => {
    await page.press("Start the chat");
    FakeSocket.last?.onclose?.({ code: 4400, reason: "" });
    await page.drawn();
    expect(page.root.querySelector("[role=alert]")?.textContent).toContain("reload this page");
    expect(page.field("question").value).toBe(QUESTION);
    await page.press("Start the chat");
    FakeSocket.last?.open();
    await page.drawn();
    expect(page.acts).toHaveLength(1);
  });

  it("is followed by the wait, which has the focus then (D56, D82)", async () => {
    await page.press("Start the chat");
    FakeSocket.last?.open();
    await page.attends({ state: SessionState.WAITING });
    expect(document.activeElement?.tagName).toBe("H1");
    expect(document.activeElement?.textContent).toBe("You are in the queue");
  });
});
