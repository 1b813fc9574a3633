import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AcceptedSchema, DetachedSchema, RefusedSchema, RenewedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { FakeSocket } from "../../testing/gateway";
import { FakeLocks } from "../../testing/locks";
import { PatronPage } from "../../testing/patron_page";
import { until } from "../../testing/until";

const NOW = new Date(2026, 10, 23, 12);
const BEGAN = new Date(2026, 10, 23, 11, 3);
/** Until when the patron of the chat can be let in. */
const RENEW_UNTIL = Date.UTC(2099, 0);
const CHAT = {
  sessionId: "s",
  token: { accessToken: "t", expiresAt: RENEW_UNTIL, renewUntil: RENEW_UNTIL },
  began: BEGAN.getTime(),
  keptUntil: NOW.getTime() + 900_000,
};
const KEY = "carrel.chat.ask.maple.s";
const LOCK = "carrel.chat.s";

let page: PatronPage;
let locks: FakeLocks;
let takeLocks: () => void;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"], now: NOW });
  FakeSocket.last = undefined;
  locks = new FakeLocks();
  takeLocks = locks.install();
});

afterEach(() => {
  page.close();
  takeLocks();
  localStorage.clear();
  vi.useRealTimers();
});

/** Opens the page of a library that lets browsers remember chats. */
async function open(returns: boolean | "taken" = false): Promise<void> {
  page = await PatronPage.open(returns, { rememberChats: true });
}

/** Opens the page in a new tab, while the browser remembers a chat. */
async function openAnother(chat: object = CHAT): Promise<void> {
  localStorage.setItem(KEY, JSON.stringify(chat));
  await open();
}

/** The tab is closed. */
function closes(): void {
  page.close();
  locks.closeTabs();
  FakeSocket.last = undefined;
}

/** The patron asks and waits. */
async function asks(): Promise<void> {
  await page.types("question", "Where is the plat book?");
  await page.press("Start the chat");
  FakeSocket.last?.open();
  await page.attends({ state: SessionState.WAITING });
}

/** Time passes, second by second as far as the page is concerned. */
async function passes(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  await page.drawn();
}

/** Another tab changes what the browser remembers. */
async function changesElsewhere(change: () => void): Promise<void> {
  change();
  dispatchEvent(new StorageEvent("storage", { key: KEY }));
  await page.drawn();
}

/** The patron wants to go on with the chat, does not get there, and gives it up. */
async function givesUp(): Promise<void> {
  await page.press("Go on with this chat");
  FakeSocket.last?.open();
  FakeSocket.last?.onclose?.({ code: 4400, reason: "" });
  await page.drawn();
  expect(remembered()).not.toBeNull();
  expect(descriptionOf("Ask a new question instead")).toContain("This one is ended, unless it's open in another tab");
  await page.press("Ask a new question instead");
}

const remembered = () => JSON.parse(localStorage.getItem(KEY) ?? "null");
const title = () => page.root.querySelector("h1")?.textContent;
const words = () => page.root.querySelector("main")?.textContent ?? "";
/** What a button is described by. */
const descriptionOf = (label: string) => {
  const button = [...page.root.querySelectorAll("button")].find(({ textContent }) => textContent?.trim() === label);
  return page.root.querySelector(`#${button?.getAttribute("aria-describedby")}`)?.textContent;
};

describe("a browser remembers a chat beyond its tab (R8, D51)", () => {
  it("from when the question was taken, and no word of it", async () => {
    await open();
    await page.types("question", "Where is the plat book?");
    await page.types("name", "Ricky");
    await page.press("Start the chat");
    FakeSocket.last?.open();
    expect(localStorage.length).toBe(0);
    await page.attends({ state: SessionState.WAITING });
    await page.chats();
    await page.says("It is in Room 4.");
    const stored = Object.keys(localStorage).map((key) => localStorage.getItem(key));
    expect(stored).toHaveLength(1);
    expect(Object.keys(remembered())).toEqual(["sessionId", "token", "began", "keptUntil"]);
    expect(remembered()).toMatchObject({ sessionId: "s", token: { accessToken: "t", renewUntil: RENEW_UNTIL } });
    expect(stored.join()).not.toMatch(/plat|Ricky|Room|Map/);
  });

  it("with its newest token", async () => {
    await open();
    await asks();
    const token = {
      accessToken: "t2",
      expireTime: timestampFromMs(RENEW_UNTIL),
      renewUntilTime: timestampFromMs(RENEW_UNTIL),
    };
    FakeSocket.last?.push({ case: "renewed", value: create(RenewedSchema, { token }) });
    await page.drawn();
    expect(remembered().token.accessToken).toBe("t2");
  });

  it("until it has ended, whoever ended it", async () => {
    await open("taken");
    await page.chats();
    expect(remembered()).not.toBeNull();
    await page.happens("ended");
    expect(page.chat.stage.value).toBe("ended");
    expect(localStorage.length).toBe(0);
    expect((await locks.query()).held).toEqual([]);
  });

  it("until the patron may take part no longer", async () => {
    await open("taken");
    await page.chats();
    const refusal = { code: 5, reason: "NOT_FOUND" };
    FakeSocket.last?.push({ case: "detached", value: create(DetachedSchema, { sessionId: "s", refusal }) });
    await page.drawn();
    expect(page.chat.stage.value).toBe("lost");
    expect(localStorage.length).toBe(0);
  });

  it("until its token is refused", async () => {
    await open("taken");
    await page.chats();
    FakeSocket.last?.onclose?.({ code: 4401, reason: "" });
    await until(() => expect(page.chat.stage.value).toBe("lost"));
    expect(localStorage.length).toBe(0);
  });

  it("until the patron gives it up on the way back to it, and then ends it", async () => {
    await openAnother();
    await givesUp();
    expect(title(), "it is not offered").toBe("What would you like to know?");
    await passes(5_000);
    expect(FakeSocket.last?.all("act")).toEqual([]);
    await passes(6_000);
    FakeSocket.last?.open();
    const ends = FakeSocket.last?.all("act") ?? [];
    expect(ends.map(({ sessionId, act }) => [sessionId, act.case])).toEqual([["s", "endSession"]]);
    expect(FakeSocket.last?.all("attend"), "without taking part in it").toEqual([]);
    const { commandId = "" } = ends[0] ?? {};
    FakeSocket.last?.push({ case: "accepted", value: create(AcceptedSchema, { commandId, sessionId: "s" }) });
    await page.drawn();
    expect(remembered()).toBeNull();
  });

  it("also after it was given up, if another tab is in it, which is not disturbed", async () => {
    await openAnother();
    locks.hold(LOCK);
    await givesUp();
    const before = FakeSocket.last;
    await passes(11_000);
    expect(FakeSocket.last).toBe(before);
    expect(remembered()).not.toHaveProperty("leaving");
  });

  it("not even to end it, if the library says so (D78)", async () => {
    page = await PatronPage.open("taken");
    const before = FakeSocket.last;
    await passes(12_000);
    await page.press("Ask a new question instead");
    await passes(11_000);
    expect(FakeSocket.last).not.toBe(before);
    FakeSocket.last?.open();
    expect(FakeSocket.last?.all("act").map(({ act }) => act.case)).toEqual(["endSession"]);
    expect(remembered()).toBeNull();
  });

  it("not if the library says so, and forgets what it remembers (D78)", async () => {
    localStorage.setItem(KEY, JSON.stringify(CHAT));
    page = await PatronPage.open();
    expect(title()).toBe("What would you like to know?");
    expect(localStorage.length).toBe(0);
    await asks();
    expect(localStorage.length).toBe(0);
  });

  it("as well when the library could be read only later", async () => {
    page = await PatronPage.open("taken", { libraryFails: true, rememberChats: true });
    await page.chats();
    expect(localStorage.length).toBe(0);
    page.mend();
    await page.chat.library.read();
    expect(remembered()).not.toBeNull();
  });
});

describe("a new tab, when a chat was left open (R8, D51, K12)", () => {
  it("goes into it only if the patron wants, and shows before no more than when it began (D78)", async () => {
    await openAnother();
    expect(title()).toBe("A chat was left open in this browser");
    expect(words()).toMatch(/It began today at .*03/);
    expect(words()).not.toMatch(/plat|Ricky|Map/);
    expect(document.activeElement).toBe(page.root.querySelector("h1"));
    expect(FakeSocket.last).toBeUndefined();
    await page.press("Go on with this chat");
    expect(title()).toBe("Back to your chat");
    FakeSocket.last?.open();
    await page.chats();
    await page.says("Are you there?");
    expect(page.chat.stage.value).toBe("chatting");
    expect(words()).toContain("Are you there?");
    expect(JSON.parse(sessionStorage.getItem("carrel.ask.maple") ?? "null")).toMatchObject({ sessionId: "s" });
    expect(remembered()).toMatchObject({ sessionId: "s" });
  });

  it("shows the transcript if it has ended meanwhile, and leaves nothing of it (D56)", async () => {
    await openAnother();
    await page.press("Go on with this chat");
    FakeSocket.last?.open();
    await page.attends({ state: SessionState.ENDED, owner: { name: "Ms Map" } });
    expect(title()).toBe("Ms Map ended the chat");
    expect(localStorage.length).toBe(0);
    await page.press("Clear this page");
    expect(sessionStorage.getItem("carrel.ask.maple")).toBeNull();
  });

  it("says so if nobody is let in any more, and takes a new question", async () => {
    await openAnother();
    await page.press("Go on with this chat");
    FakeSocket.last?.open();
    FakeSocket.last?.onclose?.({ code: 4401, reason: "" });
    await until(() => expect(page.root.querySelector("[role=alert]")?.textContent).toContain("can't return"));
    expect(page.field("question")).toBeDefined();
    expect(localStorage.length).toBe(0);
  });

  it("says so if the chat is forgotten at the moment when the patron chooses it", async () => {
    await openAnother();
    localStorage.clear();
    await page.press("Go on with this chat");
    expect(page.root.querySelector("[role=alert]")?.textContent).toContain("no longer remembers it");
    expect(page.field("question")).toBeDefined();
  });

  it("ends it for another one, without taking part in it", async () => {
    await openAnother();
    expect(descriptionOf("Start a new chat")).toContain("ends the old one");
    await page.press("Start a new chat");
    expect(document.activeElement?.id).toBe("question");
    // Its tab may be back in a moment.
    expect(FakeSocket.last).toBeUndefined();
    await passes(11_000);
    const ending = FakeSocket.last;
    ending?.open();
    expect(ending?.received.map(({ case: kind }) => kind)).toEqual(["hello", "act"]);
    const [act] = ending?.all("act") ?? [];
    expect(act).toMatchObject({ sessionId: "s", act: { case: "endSession" } });
    // Without an answer, the same command is sent again.
    vi.advanceTimersByTime(5_000);
    expect(ending?.all("act").map(({ commandId }) => commandId)).toEqual([act?.commandId, act?.commandId]);
    const close = vi.spyOn(ending as FakeSocket, "close");
    const commandId = act?.commandId ?? "";
    // It is unavailable, had too much to do, or the token had expired: the end may be accepted later.
    for (const code of [14, 8, 16]) {
      const refusal = { code, reason: "LATER" };
      ending?.push({ case: "refused", value: create(RefusedSchema, { commandId, sessionId: "s", refusal }) });
      expect(close).not.toHaveBeenCalled();
    }
    expect(remembered()).not.toBeNull();
    ending?.push({ case: "accepted", value: create(AcceptedSchema, { commandId, sessionId: "s" }) });
    expect(close).toHaveBeenCalled();
    expect(remembered()).toBeNull();
    await asks();
    expect(FakeSocket.last).not.toBe(ending);
    expect(page.chat.stage.value).toBe("waiting");
  });

  it("does not try for ever to end it", async () => {
    await openAnother();
    await page.press("Start a new chat");
    await passes(11_000);
    const ending = FakeSocket.last;
    ending?.open();
    await passes(600_000);
    const [{ commandId } = { commandId: "" }, ...more] = ending?.all("act") ?? [];
    expect(more.length).toBeLessThan(30);
    // The library's next page tries again, with the same command.
    closes();
    await open();
    await passes(1_000);
    FakeSocket.last?.open();
    expect(FakeSocket.last?.all("act").map((act) => act.commandId)).toEqual([commandId]);
  });

  it("ends none because somebody pressed twice", async () => {
    const other = { ...CHAT, sessionId: "o", began: CHAT.began - 60_000 };
    localStorage.setItem("carrel.chat.ask.maple.o", JSON.stringify(other));
    await openAnother();
    const button = [...page.root.querySelectorAll("button")].find((one) => one.textContent === "Start a new chat");
    button?.click();
    button?.click();
    await page.drawn();
    button?.click();
    await page.drawn();
    expect(JSON.parse(localStorage.getItem("carrel.chat.ask.maple.o") ?? "null").leaving).toBeUndefined();
    expect(remembered().leaving).toBeDefined();
    expect(title()).toBe("A chat was left open in this browser");
  });

  it("offers it no longer when no tab was in it for a quarter of an hour (D78)", async () => {
    await open("taken");
    await page.chats();
    await passes(3_600_000);
    expect(remembered()).not.toBeNull();
    closes();
    vi.setSystemTime(Date.now() + 900_000);
    await open();
    expect(title()).toBe("What would you like to know?");
    expect(remembered()).toBeNull();
  });

  it("offers one after the other if there are several", async () => {
    const other = { ...CHAT, sessionId: "o", began: CHAT.began - 86_400_000 };
    localStorage.setItem("carrel.chat.ask.maple.o", JSON.stringify(other));
    await openAnother();
    expect(words()).toContain("It began today at");
    await page.press("Start a new chat");
    expect(words()).toContain("It began yesterday at");
    expect(document.activeElement).toBe(page.root.querySelector("h1"));
    await page.press("Start a new chat");
    expect(title()).toBe("What would you like to know?");
  });

  it("offers none that nobody is let into any more", async () => {
    await openAnother({ ...CHAT, token: { ...CHAT.token, renewUntil: Date.now() - 1 } });
    expect(title()).toBe("What would you like to know?");
    expect(localStorage.length).toBe(0);
  });
});

describe("a new tab, while the chat is open in another one (R8)", () => {
  it("says so, and the patron may go on in both", async () => {
    locks.hold(LOCK);
    await openAnother();
    expect(title()).toBe("A chat is open in another tab");
    await page.press("Go on with this chat");
    FakeSocket.last?.open();
    await page.chats();
    expect(page.chat.stage.value).toBe("chatting");
    expect((await locks.query()).held).toEqual([{ name: LOCK }, { name: LOCK }]);
  });

  it("leaves it alone if the patron starts another one, and does not ask again", async () => {
    locks.hold(LOCK);
    await openAnother();
    expect(descriptionOf("Start a new chat")).toContain("changes nothing in the other one");
    await page.press("Start a new chat");
    expect(document.activeElement?.id).toBe("question");
    expect(FakeSocket.last).toBeUndefined();
    expect(remembered()).not.toBeNull();
    page.chat.memory.look();
    expect(page.chat.stage.value).toBe("form");
  });

  it("does not end it either if its tab is only just back", async () => {
    await openAnother();
    await page.press("Start a new chat");
    locks.hold(LOCK);
    await passes(60_000);
    expect(FakeSocket.last).toBeUndefined();
    expect(remembered().leaving).toBeUndefined();
  });

  it("keeps it for the tab that is in it when another tab gives it up", async () => {
    await open("taken");
    await page.chats();
    localStorage.removeItem(KEY);
    await passes(1_000);
    expect(remembered()).not.toBeNull();
  });

  it("sees when that tab is closed", async () => {
    locks.hold(LOCK);
    await openAnother();
    locks.closeTabs();
    vi.advanceTimersByTime(1_000);
    await until(() => expect(title()).toBe("A chat was left open in this browser"));
  });

  it("sees when the chat ends there", async () => {
    locks.hold(LOCK);
    await openAnother();
    await changesElsewhere(() => localStorage.clear());
    expect(title()).toBe("What would you like to know?");
  });

  it("is not taken out of its form when one is begun there", async () => {
    await open();
    await page.types("question", "May I");
    await changesElsewhere(() => localStorage.setItem(KEY, JSON.stringify(CHAT)));
    vi.advanceTimersByTime(1_000);
    await page.drawn();
    expect(page.field("question").value).toBe("May I");
  });

  it("knows of it from its lock, which the tab has while it is in the chat", async () => {
    await open("taken");
    await page.chats();
    expect((await locks.query()).held).toEqual([{ name: LOCK }]);
    // The browser takes it from a page that is kept for "Back".
    locks.closeTabs();
    dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    expect((await locks.query()).held).toContainEqual({ name: LOCK });
    closes();
    await open();
    expect(title()).toBe("A chat was left open in this browser");
  });
});

describe("a new tab in a browser that does not say which tabs are open", () => {
  it("says that it does not know, and ends nothing", async () => {
    takeLocks();
    await openAnother();
    expect(title()).toBe("A chat was begun in this browser");
    expect(words()).toContain("may still be open in another tab");
    expect(descriptionOf("Start a new chat")).toContain("until a librarian ends it");
    await page.press("Start a new chat");
    expect(page.field("question")).toBeDefined();
    expect(FakeSocket.last).toBeUndefined();
    expect(localStorage.length).toBe(0);
  });
});

describe("a chat that was left for good in this browser (D78)", () => {
  /** The tab of the chat is opened again, or comes back by Back. */
  const reopens = async () => {
    FakeSocket.last = undefined;
    await open("taken");
  };

  it("is not shown by a tab that is opened again after somebody else ended it", async () => {
    await openAnother();
    await page.press("Start a new chat");
    await passes(11_000);
    closes();
    await reopens();
    expect(title()).toBe("What would you like to know?");
    expect(FakeSocket.last).toBeUndefined();
    expect(sessionStorage.getItem("carrel.ask.maple")).toBeNull();
  });

  it("is not shown by a tab that is opened again after it was cleared in another one", async () => {
    await open("taken");
    await page.attends({ state: SessionState.ENDED, owner: { name: "Ms Map" } });
    await page.press("Clear this page");
    closes();
    await reopens();
    expect(title()).toBe("What would you like to know?");
    expect(FakeSocket.last).toBeUndefined();
  });

  it("is cleared in all its tabs at once", async () => {
    await open("taken");
    await page.chats();
    await changesElsewhere(() => localStorage.setItem("carrel.left.s", String(RENEW_UNTIL)));
    expect(page.field("question")).toBeDefined();
    expect(words()).toContain("This page has been cleared.");
  });

  it("is forgotten when nobody could be let into it any more", async () => {
    localStorage.setItem("carrel.left.s", String(NOW.getTime()));
    localStorage.setItem("carrel.left.t", String(RENEW_UNTIL));
    await open();
    expect(Object.keys(localStorage)).toEqual(["carrel.left.t"]);
  });
});
