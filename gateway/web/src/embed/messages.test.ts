import { describe, expect, it } from "vitest";
import { asSite, fromChat } from "./messages";

describe("what the widget and the page tell each other (D86)", () => {
  it("is two facts of the chat, whatever else is sent with them", () => {
    const said = { carrel: "chat", running: true, unread: 2, text: "Hello", name: "Ms Map" };
    expect(fromChat(said)).toEqual({ carrel: "chat", running: true, unread: 2 });
    expect(fromChat({ carrel: "minimise", text: "Hello" })).toEqual({ carrel: "minimise" });
  });

  it("is where the patron is", () => {
    const said = { carrel: "site", looking: true, focus: false };
    expect(asSite({ ...said, more: 1 })).toEqual(said);
  });

  it("is nothing else", () => {
    for (const data of [
      undefined,
      null,
      "chat",
      7,
      {},
      { carrel: "chat" },
      { carrel: "chat", running: "yes", unread: 0 },
      { carrel: "chat", running: true, unread: -1 },
      { carrel: "chat", running: true, unread: 0.5 },
      { carrel: "chat", running: true, unread: "<b>1</b>" },
      { carrel: "site", looking: true },
      { carrel: "site", looking: 1, focus: false },
    ]) {
      expect(fromChat(data)).toBeUndefined();
      expect(asSite(data)).toBeUndefined();
    }
  });
});
