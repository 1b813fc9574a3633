/** The conversation on a page, as a person sees it. */
import type { FrameLocator, Locator, Page } from "playwright-core";

/** A page, or a frame in one. */
export type Scope = Pick<Page, "getByRole"> | Pick<FrameLocator, "getByRole">;

/** The message area of a patron page or of the chat monitor. */
export class Conversation {
  /** The message area. */
  readonly area: Locator;
  /** The items in it, in order. */
  readonly items: Locator;

  constructor(scope: Scope) {
    this.area = scope.getByRole("log", { name: "Conversation" });
    this.items = this.area.getByRole("listitem");
  }

  /** The item that holds a text. */
  item(text: string): Locator {
    return this.items.filter({ hasText: text });
  }

  /** Waits until a text is shown; fails if it is shown more than once. */
  async shows(text: string): Promise<Locator> {
    const item = this.item(text);
    await item.first().waitFor();
    const count = await item.count();
    if (count !== 1) throw new Error(`"${text}" stands there ${count} times`);
    return item;
  }

  /** Waits until a text that the user sent is committed. */
  async sent(text: string): Promise<void> {
    const item = this.item(text);
    await item.first().waitFor();
    await item.filter({ hasText: "Sending" }).waitFor({ state: "detached" });
    await item.filter({ hasText: /not (have been )?sent/i }).waitFor({ state: "detached" });
  }

  /** The text of all items, without the times and the states of the user's own messages. */
  async text(): Promise<string[]> {
    return this.items.evaluateAll((items) =>
      items.map((item) => {
        const copy = item.cloneNode(true) as HTMLElement;
        for (const part of copy.querySelectorAll("time, .message-state")) part.remove();
        return (copy.textContent ?? "").replace(/\s+/g, " ").trim();
      }),
    );
  }
}
