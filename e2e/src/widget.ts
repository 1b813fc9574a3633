/** The chat in a library's own web site, driven in a patron's terms. */
import type { Locator } from "playwright-core";
import { PatronPage } from "./patron_page";
import type { Visitor } from "./visitor";

/** The widget in a page of the site. */
export class Widget {
  readonly button: Locator;
  readonly panel: Locator;
  readonly frame: Locator;
  /** Says that the chat can't be shown. */
  readonly trouble: Locator;
  /** The patron's page in the panel. */
  readonly chat: PatronPage;

  constructor(readonly visitor: Visitor) {
    const { page } = visitor;
    this.button = page.getByRole("button", { name: /^(Ask a librarian|Back to your chat)/ });
    this.panel = page.getByRole("dialog", { name: "Ask a librarian" });
    this.frame = page.locator("[data-carrel-widget] iframe");
    this.trouble = this.panel.getByRole("alert");
    this.chat = new PatronPage(visitor, page.frameLocator("[data-carrel-widget] iframe"));
  }

  /** Opens the panel. */
  async open(): Promise<void> {
    await this.button.click();
    await this.panel.waitFor();
  }

  /** Minimises the panel. */
  async minimise(): Promise<void> {
    await this.panel.getByRole("button", { name: "Minimise" }).click();
    await this.panel.waitFor({ state: "hidden" });
  }

  /** Waits until the button says so many messages are new. */
  async says(words: string): Promise<void> {
    await this.visitor.page.getByRole("button", { name: words, exact: true }).waitFor();
  }
}
