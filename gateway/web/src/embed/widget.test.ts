import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Options } from "./options";
import { isThere } from "./parts";
import { Widget } from "./widget";

const GATEWAY = "https://ask.example.org";
const OPTIONS: Options = {
  gateway: GATEWAY,
  library: "maple",
  label: "Ask a librarian",
  side: "right",
  color: undefined,
};

/** The window in the frame. */
let page: { postMessage: ReturnType<typeof vi.fn> };
let isNarrow: boolean;
let wrong: string[];
/** What ends when the patron leaves the site's page. */
let stay: AbortController;

beforeEach(() => {
  page = { postMessage: vi.fn() };
  isNarrow = false;
  wrong = [];
  stay = new AbortController();
  vi.useFakeTimers();
  const listen = globalThis.addEventListener;
  vi.spyOn(globalThis, "addEventListener").mockImplementation((type: string, listener: unknown) =>
    listen.call(globalThis, type, listener as EventListener, { signal: stay.signal }),
  );
  vi.spyOn(HTMLIFrameElement.prototype, "contentWindow", "get").mockImplementation(() => page as unknown as Window);
  // No test reaches for the network: the frame stays empty.
  const { happyDOM } = window as unknown as { happyDOM: { settings: object } };
  Object.assign(happyDOM.settings, { disableIframePageLoading: false, enableIframePageLoading: true });
  vi.spyOn(HTMLIFrameElement.prototype, "src", "set").mockImplementation(function (this: HTMLIFrameElement, address) {
    this.dataset.address = address;
  });
  vi.stubGlobal("matchMedia", () => ({ matches: isNarrow, addEventListener: () => {} }));
});

afterEach(() => {
  stay.abort();
  document.body.replaceChildren();
  document.documentElement.removeAttribute("lang");
  vi.useRealTimers();
  vi.unstubAllGlobals();
  sessionStorage.clear();
  vi.restoreAllMocks();
});

/** A widget on one page of the site. */
function visit(options: Partial<Options> = {}) {
  stay.abort();
  stay = new AbortController();
  document.body.replaceChildren();
  new Widget({ ...OPTIONS, ...options }, (why) => wrong.push(why));
  const root = document.querySelector("[data-carrel-widget]")?.shadowRoot;
  const find = <Found extends Element>(selector: string) => {
    const found = root?.querySelector<Found>(selector);
    if (!found) throw new Error(`There is no ${selector}.`);
    return found;
  };
  const button = find<HTMLButtonElement>(".button");
  const panel = find<HTMLDialogElement>(".panel");
  return {
    root,
    button,
    panel,
    minimise: find<HTMLButtonElement>(".minimise"),
    trouble: find<HTMLElement>(".trouble"),
    status: find<HTMLElement>("[role=status]"),
    get frame() {
      return root?.querySelector("iframe") ?? undefined;
    },
    /** What the button says: to everybody, and to screen readers alone. */
    get words() {
      const said = [...button.querySelectorAll("span:not([aria-hidden])")].map(({ textContent }) => textContent);
      return said.join("");
    },
    /** The frame has loaded, and the page in it answers. */
    load() {
      this.frame?.dispatchEvent(new Event("load"));
    },
  };
}

/** Somebody sends a message to the site's page, the page in the frame if nobody else is named. */
function says(data: unknown, { source = page as unknown, origin = GATEWAY } = {}): void {
  dispatchEvent(new MessageEvent("message", { data, origin, source: source as Window }));
}

function chat(running: boolean, unread: number): { carrel: string; running: boolean; unread: number } {
  return { carrel: "chat", running, unread };
}

/** The patron comes back to the site's page, which the browser has kept as it was. */
function comesBack(): void {
  dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
}

const remembered = () => sessionStorage.getItem("carrel.widget.maple");

describe("the button (D85)", () => {
  it("is all that there is until the patron wants it: nothing is loaded", () => {
    const widget = visit();
    expect(widget.words).toBe("Ask a librarian");
    expect(widget.button.getAttribute("aria-expanded")).toBe("false");
    expect(widget.frame).toBeUndefined();
    expect(isThere("maple")).toBe(true);
    expect(isThere("harbor")).toBe(false);
  });

  it("opens the panel with the page of the library, which gets the focus, and minimises it", () => {
    const widget = visit({ library: "maple & co" });
    widget.button.click();
    const address = new RegExp(`^${GATEWAY}/ask/maple%20%26%20co#tab=[0-9a-f]{16}$`);
    expect(widget.frame?.dataset.address).toMatch(address);
    expect(widget.frame?.title).toBe("Ask a librarian");
    expect(widget.panel.open).toBe(true);
    expect(widget.button.getAttribute("aria-expanded")).toBe("true");
    expect(widget.root?.activeElement).toBe(widget.frame);
    const frame = widget.frame;
    widget.button.click();
    expect(widget.panel.open).toBe(false);
    expect(widget.root?.activeElement).toBe(widget.button);
    widget.button.click();
    expect(widget.frame).toBe(frame);
  });

  it("says how many messages are new, as a number and in words", () => {
    const widget = visit();
    widget.button.click();
    widget.load();
    says(chat(true, 0));
    widget.minimise.click();
    expect(widget.words).toBe("Back to your chat");
    says(chat(true, 1));
    expect(widget.words).toBe("Back to your chat (1 new message)");
    expect(widget.status.textContent).toBe("1 new message");
    says(chat(true, 2));
    expect(widget.root?.querySelector(".count")?.textContent).toBe("2");
    expect(widget.status.textContent).toBe("2 new messages");
    widget.button.click();
    expect(widget.words).toBe("Ask a librarian");
    expect(widget.status.textContent).toBe("");
  });

  it("speaks the language that the site chose, and asks the patron page to (D84)", () => {
    const widget = visit({ lang: "es", label: "Pregunte a la biblioteca" });
    const host = document.querySelector("[data-carrel-widget]");
    expect([host?.getAttribute("lang"), widget.words]).toEqual(["es", "Pregunte a la biblioteca"]);
    expect(widget.minimise.textContent).toBe("Minimizar");
    widget.button.click();
    expect(widget.frame?.dataset.address).toMatch(/^https:\/\/ask\.example\.org\/ask\/maple\?lang=es#tab=/);
    widget.load();
    says(chat(true, 2));
    widget.minimise.click();
    says(chat(true, 3));
    expect(widget.words).toContain("Volver a su chat (3 mensajes nuevos)");
    says(chat(true, 1));
    expect(widget.words).toContain("(1 mensaje nuevo)");
  });

  it("names the language of its words, in a site of any (D82)", () => {
    document.documentElement.lang = "ar";
    const widget = visit({ label: "اسأل أمين المكتبة" });
    const langOf = (element: Element | null | undefined) => element?.closest("[lang]")?.getAttribute("lang");
    const host = document.querySelector("[data-carrel-widget]");
    expect([host?.getAttribute("lang"), host?.getAttribute("dir")]).toEqual(["en", "ltr"]);
    const label = widget.root?.querySelector(".label");
    expect(langOf(label)).toBe("ar");
    expect(langOf(widget.root?.querySelector(".title"))).toBe("ar");
    widget.button.click();
    expect(langOf(widget.frame)).toBe("ar");
    says(chat(true, 0));
    widget.minimise.click();
    expect([label?.textContent, langOf(label)]).toEqual(["Back to your chat", "en"]);
    widget.button.click();
    expect(langOf(label)).toBe("ar");
    expect(langOf(visit().root?.querySelector(".label"))).toBe("en");
  });
});

describe("the panel (D85, D82)", () => {
  it("is minimised by Esc, in it and in the page in it, and the focus goes back to the button", () => {
    const widget = visit();
    const escapes = vi.fn();
    document.body.addEventListener("keydown", escapes);
    widget.button.click();
    widget.minimise.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, composed: true }));
    expect(widget.panel.open).toBe(false);
    expect(escapes).not.toHaveBeenCalled();
    widget.button.click();
    says({ carrel: "minimise" });
    expect(widget.panel.open).toBe(false);
    expect(widget.root?.activeElement).toBe(widget.button);
    document.body.removeEventListener("keydown", escapes);
  });

  it("is modal where it covers the whole window, and not elsewhere", () => {
    const modal = vi.spyOn(HTMLDialogElement.prototype, "showModal");
    visit().button.click();
    expect(modal).not.toHaveBeenCalled();
    sessionStorage.clear();
    isNarrow = true;
    const widget = visit();
    widget.button.click();
    expect(modal).toHaveBeenCalledOnce();
    expect(widget.panel.open).toBe(true);
  });

  it("tells the page in it whether the patron has it before them", () => {
    vi.spyOn(document, "hasFocus").mockReturnValue(true);
    const widget = visit();
    widget.button.click();
    widget.load();
    expect(page.postMessage).toHaveBeenLastCalledWith({ carrel: "site", looking: true, focus: true }, GATEWAY);
    dispatchEvent(new Event("blur"));
    expect(page.postMessage).toHaveBeenLastCalledWith({ carrel: "site", looking: false, focus: false }, GATEWAY);
    dispatchEvent(new Event("focus"));
    expect(page.postMessage).toHaveBeenLastCalledWith({ carrel: "site", looking: true, focus: false }, GATEWAY);
    widget.minimise.click();
    expect(page.postMessage).toHaveBeenLastCalledWith({ carrel: "site", looking: false, focus: false }, GATEWAY);
  });

  it("says where else the chat is if the page in it does not answer, and tells the web master why", () => {
    const widget = visit();
    widget.button.click();
    widget.load();
    vi.advanceTimersByTime(4_999);
    expect(widget.trouble.hidden).toBe(true);
    vi.advanceTimersByTime(1);
    expect(widget.trouble.hidden).toBe(false);
    const link = widget.trouble.querySelector("a");
    expect([link?.href, link?.target, link?.rel]).toEqual([`${GATEWAY}/ask/maple`, "_blank", "noopener noreferrer"]);
    expect(wrong).toEqual([expect.stringContaining("gateway.embedding_origins")]);
    says(chat(false, 0));
    expect(widget.trouble.hidden).toBe(true);
  });

  it("says so too if the page in it is never loaded, and tries anew when it is opened again", () => {
    const widget = visit();
    widget.button.click();
    const { frame } = widget;
    vi.advanceTimersByTime(14_999);
    expect(widget.trouble.hidden).toBe(true);
    vi.advanceTimersByTime(1);
    expect(widget.trouble.hidden).toBe(false);
    widget.minimise.click();
    expect(widget.frame).toBe(frame);
    widget.button.click();
    expect(widget.trouble.hidden).toBe(true);
    expect(widget.root?.querySelectorAll("iframe").length).toBe(1);
    expect(widget.frame).not.toBe(frame);
    expect(widget.frame?.dataset.address).toBe(frame?.dataset.address);
    expect(widget.root?.activeElement).toBe(widget.frame);
    vi.advanceTimersByTime(15_000);
    expect(widget.trouble.hidden).toBe(false);
    expect(wrong.length).toBe(1);
    // It was only slow.
    widget.load();
    says(chat(false, 0));
    expect(widget.trouble.hidden).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(widget.trouble.hidden).toBe(true);
  });

  it("tells a page that is not there nothing: the browser would complain of it to the site", () => {
    const widget = visit();
    widget.button.click();
    dispatchEvent(new Event("focus"));
    expect(page.postMessage).not.toHaveBeenCalled();
    widget.load();
    expect(page.postMessage).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(5_000);
    dispatchEvent(new Event("focus"));
    widget.minimise.click();
    widget.button.click();
    expect(page.postMessage).toHaveBeenCalledOnce();
    widget.load();
    says(chat(false, 0));
    page.postMessage.mockClear();
    dispatchEvent(new Event("focus"));
    expect(page.postMessage).toHaveBeenCalledOnce();
  });
});

describe("what is heard (D86, T15)", () => {
  it("is what the page in the frame says, and nobody else", () => {
    const widget = visit();
    widget.button.click();
    for (const [source, origin] of [
      [window, GATEWAY],
      [page, "https://evil.example"],
      [page, "null"],
      [page, `${GATEWAY}.evil.example`],
      [null, GATEWAY],
    ] as const) {
      says({ carrel: "minimise" }, { source, origin });
      says(chat(true, 7), { source, origin });
    }
    expect(widget.panel.open).toBe(true);
    widget.minimise.click();
    expect(widget.words).toBe("Ask a librarian");
  });
});

describe("the next page of the site (D85)", () => {
  it("has the panel as it was, and leaves the focus alone", () => {
    visit().button.click();
    const widget = visit();
    expect(widget.panel.open).toBe(true);
    expect(widget.frame).toBeDefined();
    expect(widget.root?.activeElement).toBeNull();
    widget.load();
    expect(page.postMessage).toHaveBeenLastCalledWith(expect.objectContaining({ focus: false }), GATEWAY);
  });

  it("goes on with a chat that was minimised, and is not covered by one on a phone", () => {
    const before = visit();
    before.button.click();
    says(chat(true, 0));
    before.minimise.click();
    let widget = visit();
    expect(widget.panel.open).toBe(false);
    // The page in the frame is told that it is in the same tab.
    expect(widget.frame?.dataset.address).toBe(before.frame?.dataset.address);
    widget.button.click();
    isNarrow = true;
    widget = visit();
    expect(widget.panel.open).toBe(false);
    expect(widget.frame).toBeDefined();
  });

  it("has only the button where nothing is left to come back to", () => {
    const widget = visit();
    widget.button.click();
    says(chat(true, 0));
    widget.minimise.click();
    says(chat(false, 1));
    expect(remembered()).toMatch(/^minimised /);
    says(chat(false, 0));
    expect(remembered()).toMatch(/^closed /);
    const next = visit();
    expect(next.frame).toBeUndefined();
    // What the page in the frame keeps of the chat can still be found, and cleared.
    next.button.click();
    expect(next.frame?.dataset.address).toBe(widget.frame?.dataset.address);
  });

  it("remembers nothing until the button is pressed", () => {
    visit();
    expect(remembered()).toBeNull();
  });

  it("has only the button where what is kept makes no sense", () => {
    for (const kept of ["", "open", "open ", "shut 0123456789abcdef"]) {
      sessionStorage.setItem("carrel.widget.maple", kept);
      expect(visit().frame).toBeUndefined();
    }
  });

  it("has only the button in a browser that lets the site store nothing", () => {
    const denied = () => {
      throw new DOMException("Denied.", "SecurityError");
    };
    vi.stubGlobal("sessionStorage", { getItem: denied, setItem: denied, removeItem: denied });
    visit().button.click();
    const widget = visit();
    expect(widget.panel.open).toBe(false);
    widget.button.click();
    expect(widget.panel.open).toBe(true);
  });
});

describe("a page that the browser has kept as it was (D78)", () => {
  it("shows nothing of a chat that was cleared on a later page", () => {
    const widget = visit();
    widget.button.click();
    widget.load();
    says(chat(true, 3));
    const address = widget.frame?.dataset.address;
    sessionStorage.setItem("carrel.widget.maple", "closed 0123456789abcdef");
    comesBack();
    expect(widget.frame).toBeUndefined();
    expect(widget.panel.open).toBe(false);
    expect(widget.button.getAttribute("aria-expanded")).toBe("false");
    expect(widget.words).toBe("Ask a librarian");
    vi.advanceTimersByTime(60_000);
    expect(widget.trouble.hidden).toBe(true);
    widget.button.click();
    expect(widget.frame?.dataset.address).not.toBe(address);
    expect(widget.frame?.dataset.address).toMatch(/#tab=0123456789abcdef$/);
  });

  it("goes on with a chat as a page does that is loaded anew", () => {
    const widget = visit();
    sessionStorage.setItem("carrel.widget.maple", "minimised 0123456789abcdef");
    comesBack();
    expect(widget.frame?.dataset.address).toMatch(/#tab=0123456789abcdef$/);
    expect(widget.panel.open).toBe(false);
    sessionStorage.setItem("carrel.widget.maple", "open 0123456789abcdef");
    comesBack();
    expect(widget.panel.open).toBe(true);
    expect(widget.button.getAttribute("aria-expanded")).toBe("true");
    expect(widget.root?.querySelectorAll("iframe").length).toBe(1);
    expect(widget.root?.activeElement).toBeNull();
  });

  it("is left as it is where it was only loaded", () => {
    const widget = visit();
    widget.button.click();
    const { frame } = widget;
    dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
    expect(widget.frame).toBe(frame);
  });
});
