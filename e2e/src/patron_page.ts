/** The patron's page, driven in a patron's terms. */
import type { Locator, Page } from "playwright-core";
import { Conversation } from "./conversation";
import type { Visitor } from "./visitor";

/** A patron at their library's page. */
export class PatronPage {
  readonly page: Page;
  readonly conversation: Conversation;
  /** What the page says while the patron waits. */
  readonly waiting: Locator;
  /** What the page says when the chat is over. */
  readonly ended: Locator;
  /** The box to write in. */
  readonly box: Locator;

  constructor(readonly visitor: Visitor) {
    this.page = visitor.page;
    this.conversation = new Conversation(this.page);
    this.waiting = this.page.getByRole("heading", { name: /You are next|ahead of you/ });
    this.ended = this.page.getByRole("heading", { name: /ended the chat/ });
    this.box = this.page.getByRole("textbox", { name: "Your message" });
  }

  /** Fills the form in and sends it. */
  async ask(form: { question: string; name?: string; email?: string }): Promise<void> {
    await this.page.getByRole("textbox", { name: "Your question" }).fill(form.question);
    if (form.name) await this.page.getByRole("textbox", { name: "Your name" }).fill(form.name);
    if (form.email) await this.page.getByRole("textbox", { name: "E-mail" }).fill(form.email);
    await this.page.getByRole("button", { name: "Start the chat" }).click();
  }

  /** Writes a message and waits until it is committed. */
  async say(text: string): Promise<void> {
    await this.type(text);
    await this.conversation.sent(text);
  }

  /** Writes a message and presses Enter, without waiting for the outcome. */
  async type(text: string): Promise<void> {
    await this.box.fill(text);
    await this.box.press("Enter");
  }

  /** What the page says about its connection. */
  async connection(): Promise<string> {
    return (await this.page.getByRole("status", { name: "Connection" }).textContent()) ?? "";
  }

  /** What the patron reads in the conversation. */
  async visibleText(): Promise<string[]> {
    return this.conversation.text();
  }
}
