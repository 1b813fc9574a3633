import { afterEach, describe, expect, it, vi } from "vitest";
import { fillStorage } from "../../testing/full_storage";
import { type RememberedChat, RememberedChats } from "./remembered_chats";

const NOW = Date.UTC(2026, 10, 23, 12);

/** A chat that can be come back to for another hour. */
function chat(sessionId: string, began = NOW, renewUntil = NOW + 3_600_000): RememberedChat {
  const token = { accessToken: `token of ${sessionId}`, expiresAt: NOW, renewUntil };
  return { sessionId, token, began, keptUntil: NOW + 900_000 };
}

const ids = (chats: RememberedChats) => chats.list(NOW).map(({ sessionId }) => sessionId);

afterEach(() => {
  vi.unstubAllGlobals();
  localStorage.clear();
});

describe("the chats that a browser remembers (R8, D51)", () => {
  it("are each library's own, the newest first", () => {
    const maple = new RememberedChats("ask.maple");
    maple.keep(chat("a", NOW - 2_000));
    maple.keep(chat("b", NOW - 1_000));
    maple.keep(chat("c", NOW - 3_000));
    new RememberedChats("practice.maple").keep(chat("d"));
    new RememberedChats("ask.mapleton").keep(chat("e"));
    expect(ids(maple)).toEqual(["b", "a", "c"]);
    expect(ids(new RememberedChats("ask.mapleton"))).toEqual(["e"]);
    maple.forget("a");
    expect(ids(maple)).toEqual(["b", "c"]);
    maple.clear();
    expect(ids(maple)).toEqual([]);
    expect(localStorage.length).toBe(2);
  });

  it("are kept with their newest token", () => {
    const maple = new RememberedChats("ask.maple");
    maple.keep(chat("a"));
    const renewed = { ...chat("a"), token: { accessToken: "renewed", expiresAt: NOW, renewUntil: NOW + 1 } };
    maple.keep(renewed);
    expect(maple.list(NOW)).toEqual([renewed]);
  });

  it("are removed when nobody can be let in any more, whichever library's page is opened", () => {
    new RememberedChats("ask.harbor").keep(chat("a", NOW, NOW));
    const maple = new RememberedChats("ask.maple");
    maple.keep(chat("b", NOW, NOW));
    localStorage.setItem("carrel.theme", "dark");
    expect(ids(maple)).toEqual([]);
    expect(localStorage.length).toBe(1);
  });

  it("are removed when no tab was in them for long", () => {
    const maple = new RememberedChats("ask.maple");
    maple.keep({ ...chat("a"), keptUntil: NOW });
    maple.keep({ ...chat("b"), keptUntil: NOW + 1 });
    expect(ids(maple)).toEqual(["b"]);
    expect(localStorage.length).toBe(1);
  });

  it("are nothing that somebody else has written there", () => {
    const good = chat("a");
    const values = ["", "{", "null", "[]", '"a"', JSON.stringify({ ...good, token: {} }), JSON.stringify({ began: 1 })];
    values.push(JSON.stringify({ ...good, leaving: null }), JSON.stringify({ ...good, keptUntil: "never" }));
    for (const value of values) {
      localStorage.setItem("carrel.chat.ask.maple.a", value);
      expect(ids(new RememberedChats("ask.maple"))).toEqual([]);
      expect(localStorage.length).toBe(0);
    }
    // The key of another chat.
    localStorage.setItem("carrel.chat.ask.maple.b", JSON.stringify(good));
    expect(ids(new RememberedChats("ask.maple"))).toEqual([]);
  });

  it("are none where the browser has no room for them, or keeps nothing", () => {
    const maple = new RememberedChats("ask.maple");
    fillStorage();
    maple.keep(chat("a"));
    maple.forget("a");
    expect(ids(maple)).toEqual([]);
    vi.unstubAllGlobals();
    vi.spyOn(globalThis, "localStorage", "get").mockImplementation(() => {
      throw new DOMException("Access is denied for this document.", "SecurityError");
    });
    maple.keep(chat("a"));
    maple.clear();
    expect(ids(maple)).toEqual([]);
    vi.restoreAllMocks();
  });
});
