import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RememberedChats } from "../ask/remembered_chats";
import { frameStorage } from "./frame_storage";
import { canRemember, forget, recall, remember } from "./tab_storage";

/** The cookies of a browser, by their names. */
let cookies: Map<string, string>;
/** What was written, as it was. */
let written: string[];

beforeEach(() => {
  cookies = new Map();
  written = [];
  vi.spyOn(document, "cookie", "get").mockImplementation(() => [...cookies].map((pair) => pair.join("=")).join("; "));
  vi.spyOn(document, "cookie", "set").mockImplementation((cookie) => {
    written.push(cookie);
    const [name = "", value = ""] = cookie.split(";")[0]?.split("=") ?? [];
    if (cookie.includes("Max-Age=0;")) cookies.delete(name);
    else cookies.set(name, value);
  });
  vi.stubGlobal("parent", {});
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  location.hash = "";
});

/** The page is in this tab, with this storage of the browser's. */
function isIn(tab: string, storage: () => Storage = denied): void {
  location.hash = tab === "" ? "" : `#tab=${tab}`;
  vi.spyOn(globalThis, "sessionStorage", "get").mockImplementation(storage);
}

function denied(): never {
  throw new DOMException("Access is denied for this document.", "SecurityError");
}

const isText = (value: unknown) => typeof value === "string";

describe("a frame without storage of its own (D85)", () => {
  it("remembers for a while, in this tab and for the site around it only", () => {
    isIn("0123456789abcdef");
    expect(canRemember()).toBe(true);
    remember("carrel.ask.maple", "a; b=c");
    expect(written.at(-1)).toMatch(/; Max-Age=900; Secure; SameSite=None; Partitioned$/);
    expect(written.at(-1)).toContain(`; Path=${location.pathname};`);
    expect(recall("carrel.ask.maple", isText)).toBe("a; b=c");
    expect(recall("carrel.ask.harbor", isText)).toBeUndefined();
    isIn("fedcba9876543210");
    expect(recall("carrel.ask.maple", isText)).toBeUndefined();
    isIn("0123456789abcdef");
    forget("carrel.ask.maple");
    expect(cookies.size).toBe(0);
  });

  it("remembers a chat for the site's other tabs, and finds no other cookie there (R8)", () => {
    const given = localStorage;
    vi.spyOn(globalThis, "localStorage", "get").mockImplementation(denied);
    isIn("0123456789abcdef");
    cookies.set("other", "%E0%A4%A");
    remember("carrel.ask.maple", "a");
    const chat = { sessionId: "s", token: { accessToken: "t", expiresAt: 1, renewUntil: 2 }, began: 0, keptUntil: 2 };
    new RememberedChats("ask.maple").keep(chat);
    expect(written.at(-1)).toMatch(/; Max-Age=900; Secure; SameSite=None; Partitioned$/);
    isIn("fedcba9876543210");
    expect(new RememberedChats("ask.maple").list(1)).toEqual([chat]);
    new RememberedChats("ask.maple").forget("s");
    expect(new RememberedChats("ask.maple").list(1)).toEqual([]);
    expect(cookies.size).toBe(2);
    isIn("");
    new RememberedChats("ask.maple").keep(chat);
    expect(cookies.size).toBe(2);
    expect(given.length).toBe(0);
  });

  it("remembers nothing if the browser keeps no such cookies, and knows that", () => {
    isIn("0123456789abcdef");
    vi.spyOn(document, "cookie", "set").mockImplementation(() => {});
    expect(canRemember()).toBe(false);
  });

  it("has no cookies without the widget", () => {
    for (const tab of ["", "0123", "0123456789abcdef; Domain=example.org"]) {
      isIn(tab);
      expect(frameStorage()).toBeUndefined();
      expect(canRemember()).toBe(false);
      remember("carrel.ask.maple", "a");
    }
    expect(written).toEqual([]);
  });

  it("has none where the browser gives it storage", () => {
    const given = sessionStorage;
    isIn("0123456789abcdef", () => given);
    remember("carrel.ask.maple", "a");
    expect(recall("carrel.ask.maple", isText)).toBe("a");
    forget("carrel.ask.maple");
    expect(written).toEqual([]);
  });
});
