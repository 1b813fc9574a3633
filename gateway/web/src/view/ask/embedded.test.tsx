import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WidgetLink } from "../../app/ask/widget_link";
import { setLookedAtInSite } from "../../app/parts/looked_at";
import { Part, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { FakeSocket } from "../../testing/gateway";
import { PatronPage } from "../../testing/patron_page";

const SITE = "https://www.maple.example";

let page: PatronPage;
/** The page around this one. */
let site: { postMessage: ReturnType<typeof vi.fn> };
let hasFocus: boolean;
let stop: () => void;

beforeEach(() => {
  hasFocus = false;
  vi.spyOn(document, "hasFocus").mockImplementation(() => hasFocus);
});

afterEach(() => {
  stop();
  page.close();
  setLookedAtInSite(false);
  vi.restoreAllMocks();
});

/** Opens the page in a frame. */
async function open(returns = false): Promise<void> {
  site = { postMessage: vi.fn() };
  vi.stubGlobal("parent", site);
  page = await PatronPage.open(returns);
  stop = new WidgetLink(page.chat).begin();
}

/** Somebody sends the page a message, the site around it if nobody else is named. */
async function hears(said: { looking?: boolean; focus?: boolean }, source: unknown = site): Promise<void> {
  const data = { carrel: "site", looking: false, focus: false, ...said };
  dispatchEvent(new MessageEvent("message", { data, origin: SITE, source: source as Window }));
  await page.drawn();
}

const standing = (running: boolean, unread: number) => [{ carrel: "chat", running, unread }, SITE];
const pressEsc = () => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));

describe("what the site around learns of a chat (D86)", () => {
  it("is whether it runs and how many messages are new: no word and no name", async () => {
    await open(true);
    await page.chats();
    await hears({});
    expect(site.postMessage.mock.lastCall).toEqual(standing(true, 0));
    await page.says("It is in Room 4.");
    await page.says("Bring your card.");
    expect(site.postMessage.mock.lastCall).toEqual(standing(true, 2));
    await page.attends({ state: SessionState.ENDED });
    expect(site.postMessage.mock.lastCall).toEqual(standing(false, 2));
    expect(JSON.stringify(site.postMessage.mock.calls)).not.toMatch(/Room|card|Map|Ricky|plat/);
  });

  it("is nothing before it has spoken, or if somebody else speaks", async () => {
    await open(true);
    await page.chats();
    await page.says("It is in Room 4.");
    await hears({ looking: true }, window);
    await hears({ looking: true }, { postMessage: () => {} });
    pressEsc();
    expect(site.postMessage).not.toHaveBeenCalled();
    expect(page.chat.unread.value).toBe(1);
  });

  it("is that the patron wants to minimise it, but not what closes a dialog in it", async () => {
    await open(true);
    await page.chats();
    await hears({});
    site.postMessage.mockClear();
    await page.press("End chat");
    pressEsc();
    expect(site.postMessage).not.toHaveBeenCalled();
    await page.press("Keep chatting");
    pressEsc();
    expect(site.postMessage.mock.lastCall).toEqual([{ carrel: "minimise" }, SITE]);
  });
});

describe("a page in a frame of the library's site (D85)", () => {
  it("counts as looked at while the patron has it before them, also if they are busy beside it", async () => {
    await open(true);
    await page.chats();
    await hears({});
    await page.says("It is in Room 4.");
    expect(page.chat.unread.value).toBe(1);
    await hears({ looking: true });
    expect(page.chat.unread.value).toBe(0);
    await page.says("Bring your card.");
    expect(page.chat.unread.value).toBe(0);
    await hears({ looking: false });
    await page.says("We close at six.");
    expect(page.chat.unread.value).toBe(1);
    expect(JSON.parse(sessionStorage.getItem("carrel.ask.maple") ?? "null")).toMatchObject({ seen: 2 });
  });

  it("takes the focus only from who has come into it", async () => {
    await open(true);
    await page.chats();
    expect(document.activeElement).toBe(document.body);
    await hears({ focus: true });
    expect(document.activeElement?.id).toBe("message");
  });

  it("gives it to who came before there was anything to write in, and to nobody who has gone again", async () => {
    await open(true);
    await hears({ focus: true });
    await page.chats();
    expect(document.activeElement?.id).toBe("message");
    stop();
    page.close();
    await open(true);
    await hears({ focus: true });
    await hears({});
    await page.chats();
    expect(document.activeElement).toBe(document.body);
  });

  it("gives the focus to the question of who is in it already", async () => {
    hasFocus = true;
    await open();
    expect(document.activeElement?.id).toBe("question");
  });

  it("takes the focus to what is wrong with the question only from who is in it", async () => {
    await open();
    await page.types("question", "Where is the plat book?");
    await page.types("email", "ricky@harbor");
    await page.press("Start the chat");
    FakeSocket.last?.open();
    await page.drawn();
    const button = page.root.querySelector<HTMLElement>("button[type=submit]");
    button?.focus();
    const fieldViolations = [{ field: "patron_email", description: "is not an address" }];
    await page.refuses({ code: 3, message: "x", fieldViolations });
    expect(page.field("email").getAttribute("aria-invalid")).toBe("true");
    expect(document.activeElement).toBe(button);
    hasFocus = true;
    await page.types("question", "");
    await page.press("Start the chat");
    expect(document.activeElement?.id).toBe("question");
  });

  it("finds out once whether the wait can go on on the next page, not whenever something changes", async () => {
    await open(true);
    const set = vi.fn();
    const kept = new Map<string, string>();
    vi.stubGlobal("sessionStorage", {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => {
        set(key);
        kept.set(key, value);
      },
      removeItem: (key: string) => kept.delete(key),
      clear: () => kept.clear(),
    });
    await page.attends({ state: SessionState.WAITING });
    await page.happens("returned");
    await page.says("It is about the map of 1874.", Part.PATRON);
    expect(page.root.textContent).toContain("its button says when somebody comes");
    expect(set.mock.calls.filter(([key]) => key === "carrel.probe").length).toBe(1);
  });

  it("says whose page it is where there is nothing else to say, and not by a way out (D85)", async () => {
    await open();
    const name = page.root.querySelector(".ask-name");
    expect([name?.textContent, name?.tagName]).toEqual(["Maple Library", "SPAN"]);
  });

  it("does not say whose page it is in a chat, and leads to no list of libraries", async () => {
    await open(true);
    await page.attends({ state: SessionState.WAITING });
    expect(page.root.textContent).toContain("its button says when somebody comes");
    expect(page.root.querySelector(".ask-name, a[href='/']")).toBeNull();
    expect(page.root.querySelector("h1")).not.toBeNull();
  });
});
