import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DEFAULT_VOLUME } from "../../app/parts/alerts_settings";
import { patronSound, patronVolume } from "../../app/parts/settings";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { fakeAudio } from "../../testing/audio";
import { PatronPage } from "../../testing/patron_page";

let page: PatronPage;
let begun: number[];
let loudest: number[];

beforeEach(async () => {
  patronSound.value = true;
  patronVolume.value = DEFAULT_VOLUME;
  ({ begun, loudest } = fakeAudio());
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
const slider = () => page.root.querySelector<HTMLInputElement>(".sound-choice input[type=range]");

/** The patron moves the slider and lets go. */
async function chooses(percent: string): Promise<void> {
  const range = slider();
  if (range === null) throw new Error("There is no volume.");
  range.value = percent;
  range.dispatchEvent(new Event("input", { bubbles: true }));
  range.dispatchEvent(new Event("change", { bubbles: true }));
  await page.drawn();
}

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
    expect((await import("../../app/parts/settings")).patronSound.value).toBe(false);
  });

  it("is as loud as they choose, which they hear at once, and that is remembered (K22)", async () => {
    dispatchEvent(new Event("click"));
    looking(false);
    await page.happens("pickedUp");
    const [before = 0] = loudest.splice(0);
    await chooses("20");
    expect(slider()?.labels?.[0]?.textContent).toBe("Volume");
    expect(slider()?.getAttribute("aria-valuetext")).toBe("20 per cent");
    const [after = 0] = loudest;
    expect(after / before).toBeCloseTo(0.2 / DEFAULT_VOLUME);
    expect(localStorage.getItem("carrel.patron-volume")).toBe("0.2");
    vi.resetModules();
    expect((await import("../../app/parts/settings")).patronVolume.value).toBe(0.2);
  });

  it("is none at no volume, which is not said to be off until they click", async () => {
    await chooses("0");
    expect(isOff()).toBe(false);
    dispatchEvent(new Event("click"));
    looking(false);
    await page.says("Hello");
    expect(begun).toHaveLength(0);
  });

  it("has no volume to choose while it is switched off", async () => {
    box()?.click();
    await page.drawn();
    expect(slider()).toBeNull();
  });

  it("is as by default where nothing sensible is stored", async () => {
    for (const stored of ["", "loud", "7", "-1"]) {
      localStorage.setItem("carrel.patron-volume", stored);
      vi.resetModules();
      expect((await import("../../app/parts/settings")).patronVolume.value).toBe(DEFAULT_VOLUME);
    }
  });

  it("is said to be off as long as the browser allows none, to whoever wants it", async () => {
    expect(isOff()).toBe(true);
    dispatchEvent(new Event("keydown"));
    await page.drawn();
    expect(isOff()).toBe(false);
  });
});

describe("what a low window has no room for", () => {
  it("is behind one button (D82)", async () => {
    const button = page.root.querySelector<HTMLElement>("[aria-label='Sound and colours']");
    const panel = () => page.root.querySelector(".chat-settings");
    expect([button?.getAttribute("aria-expanded"), panel()]).toEqual(["false", null]);
    button?.click();
    await page.drawn();
    expect([button?.getAttribute("aria-expanded"), panel()?.id]).toEqual([
      "true",
      button?.getAttribute("aria-controls"),
    ]);
    const choice = panel()?.querySelector<HTMLInputElement>(".sound-switch input");
    choice?.click();
    await page.drawn();
    expect([patronSound.value, panel()?.querySelector("input[type=range]")]).toEqual([false, null]);
    button?.click();
    await page.drawn();
    expect(panel()).toBeNull();
  });
});
