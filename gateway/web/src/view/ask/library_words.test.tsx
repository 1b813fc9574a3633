import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, describe, expect, it, vi } from "vitest";
import { EndReason, Part, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { PatronPage } from "../../testing/patron_page";
import { until } from "../../testing/until";

const MINUTE = 60_000;
const OWNER = { part: Part.OWNER, name: "Ms Map" };

let page: PatronPage;

afterEach(() => {
  page.close();
  vi.restoreAllMocks();
});

/** A page of a library that has this to say. */
const pageOf = async (says: object) => {
  page = await PatronPage.open(true, { says });
  await until(() => expect(page.chat.library.facts.value).toBeDefined());
};

describe("what a library says while its patron waits (D57)", () => {
  const waitingMessages = [
    { after: "60s", text: "Other libraries look, too." },
    { after: "180s", text: "See www.maple.example meanwhile." },
  ];
  const message = () => page.root.querySelector(".waiting-message");
  /** The patron asked this long ago. */
  const waits = (ms: number) =>
    page.attends({ state: SessionState.WAITING, openTime: timestampFromMs(Date.now() - ms) });

  it("is the last message that is due, and nothing before the first", async () => {
    await pageOf({ waitingMessages });
    await waits(MINUTE / 2);
    expect(message()?.textContent).toBe("");
    await waits(1.5 * MINUTE);
    expect(message()?.textContent).toBe("Other libraries look, too.");
    await waits(4 * MINUTE);
    expect(message()?.textContent).toBe("See www.maple.example meanwhile.");
    expect(message()?.querySelector("a")?.rel).toBe("noopener noreferrer");
    expect(message()?.getAttribute("role")).toBe("status");
  });

  it("begins anew when the librarian was lost (R7)", async () => {
    await pageOf({ waitingMessages });
    await page.attends({
      state: SessionState.ACTIVE,
      owner: OWNER,
      openTime: timestampFromMs(Date.now() - 9 * MINUTE),
    });
    await page.happens("returned");
    await until(() => expect(page.chat.stage.value).toBe("waiting"));
    expect(message()?.textContent).toBe("");
  });

  it("is nothing if the library has no message", async () => {
    await pageOf({});
    await waits(9 * MINUTE);
    expect(message()?.textContent).toBe("");
  });
});

describe("the end of a chat whose patron did not come back (D53)", () => {
  const words = () => page.root.querySelector(".ended-head")?.textContent;
  const endReason = EndReason.ABANDONED;

  it("says that they were away for too long, and that nobody has answered", async () => {
    await pageOf({});
    await page.attends({ state: SessionState.ENDED, endReason });
    expect(words()).toContain("You were away for too long");
    expect(words()).toContain("No librarian has answered.");
  });

  it("does not say that the librarian ended it", async () => {
    await pageOf({});
    await page.attends({ state: SessionState.ENDED, owner: OWNER, endReason });
    expect(words()).toContain("You were away for too long");
    expect(words()).not.toContain("Ms Map");
  });
});

describe("the survey of a library (D61)", () => {
  const survey = () => page.root.querySelector<HTMLAnchorElement>(".survey a");

  it("is offered when a librarian has answered and the chat has ended, and not before", async () => {
    await pageOf({ surveyAddress: "https://maple.example/survey" });
    await page.chats();
    expect(survey()).toBeNull();
    await page.attends({ state: SessionState.ENDED, owner: OWNER, endedBy: Part.OWNER });
    expect(survey()?.href).toBe("https://maple.example/survey");
    expect([survey()?.target, survey()?.rel]).toEqual(["_blank", "noopener noreferrer"]);
  });

  it("is not offered to a patron whom nobody answered", async () => {
    await pageOf({ surveyAddress: "https://maple.example/survey" });
    await page.attends({ state: SessionState.ENDED, endedBy: Part.PATRON });
    expect(page.chat.stage.value).toBe("ended");
    expect(survey()).toBeNull();
  });

  it("is no link if its address is none", async () => {
    await pageOf({ surveyAddress: "javascript:alert(1)" });
    await page.attends({ state: SessionState.ENDED, owner: OWNER, endedBy: Part.OWNER });
    expect(page.chat.stage.value).toBe("ended");
    expect(survey()).toBeNull();
  });
});
