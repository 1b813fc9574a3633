import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { patronSound } from "../../app/settings";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { fakeAudio } from "../../testing/audio";
import { PatronPage } from "../../testing/patron_page";

let page: PatronPage;
let begun: number[];

beforeEach(async () => {
  patronSound.value = true;
  ({ begun } = fakeAudio());
  page = await PatronPage.open(true);
  await page.chats();
});

afterEach(() => {
  page.close();
  vi.restoreAllMocks();
});

function looking(looks: boolean): void {
  vi.spyOn(document, "hasFocus").mockReturnValue(looks);
}

const box = () => page.root.querySelector<HTMLInputElement>(".sound-switch input");
const isOff = () => page.root.textContent?.includes("Sound is off until you click");

describe("the sound for a patron", () => {
  it("calls who looks elsewhere to what a librarian writes, and to nothing of their own", async () => {
    dispatchEvent(new Event("click"));
    looking(false);
    await page.says("Hello", Part.PATRON);
    expect(begun).toHaveLength(0);
    await page.says("Hello");
    expect(begun).toHaveLength(2);
  });

  it("leaves in peace who looks at the page", async () => {
    dispatchEvent(new Event("click"));
    looking(true);
    await page.says("Hello");
    expect(begun).toHaveLength(0);
  });

  it("is on until it is switched off, and that is remembered", async () => {
    dispatchEvent(new Event("click"));
    looking(false);
    expect(box()?.checked).toBe(true);
    expect(box()?.labels?.[0]?.textContent).toMatch(/^Sound\s/);
    box()?.click();
    await page.drawn();
    await page.says("Hello");
    expect(begun).toHaveLength(0);
    expect(localStorage.getItem("carrel.patron-sound")).toBe("off");
    vi.resetModules();
    expect((await import("../../app/settings")).patronSound.value).toBe(false);
  });

  it("is said to be off as long as the browser allows none, to whoever wants it", async () => {
    expect(isOff()).toBe(true);
    dispatchEvent(new Event("keydown"));
    await page.drawn();
    expect(isOff()).toBe(false);
  });
});
