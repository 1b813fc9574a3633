import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeskStage, drawn } from "../../testing/desk_stage";

let stage: DeskStage;

beforeEach(async () => {
  stage = await DeskStage.open();
});

afterEach(() => stage.end());

const titleOf = () => stage.root.querySelector("dialog h2")?.textContent;
const button = () => stage.find("button", "Settings") as HTMLElement;

async function press(key: string): Promise<void> {
  document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  await drawn();
}

describe("the settings of the desk", () => {
  it("are named, and sounds and alerts come first (D32, K22)", async () => {
    await stage.click("Settings");
    expect(button().getAttribute("aria-expanded")).toBe("true");
    expect(document.activeElement?.textContent).toBe("Sounds and alerts …");
    await stage.click(/^Sounds and alerts/);
    expect(titleOf()).toBe("Sounds and alerts");
    expect(stage.find("button", /^Hear it\s*, the sound for: New patron$/)).toBeDefined();
  });

  it("are reached and left with the keyboard (D82)", async () => {
    await stage.click("Settings");
    await press("ArrowDown");
    expect(document.activeElement?.textContent).toBe("Keyboard and other settings …");
    await press("Escape");
    expect(document.activeElement).toBe(button());
    expect(button().getAttribute("aria-expanded")).toBe("false");
  });

  it("have the list of the keys behind ? as before", async () => {
    await press("?");
    expect(titleOf()).toBe("Keyboard and other settings");
  });
});
