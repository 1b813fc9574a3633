/** Helpers for a person who has only a keyboard. */
import type { Locator, Page } from "playwright-core";

const MOST_STEPS = 120;

/** Moves the focus with Tab until it is on an element; fails if the keyboard does not lead there. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  for (let step = 0; step < MOST_STEPS; step += 1) {
    // The element may be in a shadow tree, whose own focus is not the document's.
    if (await target.evaluate((element) => (element.getRootNode() as Document).activeElement === element)) {
      await expectVisibleFocus(target);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${target}`);
}

/** Moves to an element and presses a key on it. */
export async function press(page: Page, target: Locator, key = "Enter"): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press(key);
}

/** Moves to a box and writes into it. */
export async function write(page: Page, target: Locator, text: string): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.type(text);
}

async function expectVisibleFocus(target: Locator): Promise<void> {
  const seen = await target.evaluate((element) => {
    // Some boxes show the focus on the frame around them.
    for (let at: Element | null = element, depth = 0; at && depth < 3; at = at.parentElement, depth += 1) {
      const { outlineStyle, boxShadow } = getComputedStyle(at);
      if (outlineStyle !== "none" || boxShadow !== "none") return true;
    }
    return false;
  });
  if (!seen) throw new Error(`nothing shows that the focus is on ${target}`);
}
