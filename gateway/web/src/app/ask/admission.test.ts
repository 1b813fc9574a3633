import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HeldAdmission } from "./admission";
import { ChatMemory } from "./chat_memory";

const KEY = "carrel.ask.maple";
const ADMISSION = { sessionId: "s", token: { accessToken: "t", expiresAt: 600_000, renewUntil: 36_000_000 } };

let held: HeldAdmission;
let stored: string | null;

beforeEach(() => {
  vi.useFakeTimers();
  sessionStorage.clear();
  held = new HeldAdmission(KEY, new ChatMemory("ask.maple", () => {}));
});

afterEach(() => {
  vi.useRealTimers();
  sessionStorage.clear();
});

/** The store has forgotten it, as a frame's cookie runs out, and the page is open for so long, in seconds. */
function pass(seconds: number): void {
  stored = sessionStorage.getItem(KEY) ?? stored;
  sessionStorage.removeItem(KEY);
  for (let second = 0; second < seconds; second += 1) {
    vi.advanceTimersByTime(1_000);
    held.tick();
  }
}

describe("the admission to a chat", () => {
  it("is remembered again and again while the chat runs: in a frame it would run out (D85)", () => {
    held.hold({ ...ADMISSION, openSince: 1 });
    pass(59);
    expect(sessionStorage.getItem(KEY)).toBeNull();
    pass(1);
    expect(sessionStorage.getItem(KEY)).toBe(stored);
    pass(60);
    expect(sessionStorage.getItem(KEY)).toBe(stored);
  });

  it("is not remembered again once the chat has ended, or without one", () => {
    held.hold({ ...ADMISSION, openSince: 1 });
    held.change({ openSince: undefined });
    pass(120);
    expect(sessionStorage.getItem(KEY)).toBeNull();
    held.drop();
    pass(120);
    expect(sessionStorage.getItem(KEY)).toBeNull();
  });
});
