/** The patron's page, driven in a patron's terms. */
import type { Locator, Page } from "playwright-core";
import { Conversation, type Scope } from "./conversation";
import type { Visitor } from "./visitor";

/** A patron at their library's page. */
export class PatronPage {
  readonly page: Page;
  readonly conversation: Conversation;
  /** What the page says while the patron waits. */
  readonly waiting: Locator;
  /** What the page says when the chat is over. */
  readonly ended: Locator;
  /** What a new tab says when a chat has not ended: its tab was closed, it is open in another one, or nobody knows. */
  readonly leftOpen: Locator;
  readonly openElsewhere: Locator;
  readonly begunHere: Locator;
  readonly goOn: Locator;
  readonly startAnew: Locator;
  /** The field for the question. */
  readonly question: Locator;
  /** The box to write in. */
  readonly box: Locator;

  /** `scope` is where the patron's page is: the whole page, or a frame in it. */
  constructor(
    readonly visitor: Visitor,
    private readonly scope: Scope = visitor.page,
  ) {
    this.page = visitor.page;
    this.conversation = new Conversation(scope);
    this.waiting = scope.getByRole("heading", { name: /You are next|ahead of you/ });
    this.ended = scope.getByRole("heading", { name: /ended the chat/ });
    this.leftOpen = scope.getByRole("heading", { name: "A chat was left open in this browser" });
    this.openElsewhere = scope.getByRole("heading", { name: "A chat is open in another tab" });
    this.begunHere = scope.getByRole("heading", { name: "A chat was begun in this browser" });
    this.goOn = scope.getByRole("button", { name: "Go on with this chat" });
    this.startAnew = scope.getByRole("button", { name: "Start a new chat" });
    this.question = scope.getByRole("textbox", { name: "Your question" });
    this.box = scope.getByRole("textbox", { name: "Your message" });
  }

  /** Fills the form in and sends it. */
  async ask(form: { question: string; name?: string; email?: string }): Promise<void> {
    await this.question.fill(form.question);
    if (form.name) await this.scope.getByRole("textbox", { name: "Your name" }).fill(form.name);
    if (form.email) await this.scope.getByRole("textbox", { name: "E-mail" }).fill(form.email);
    await this.scope.getByRole("button", { name: "Start the chat" }).click();
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
    return (await this.scope.getByRole("status", { name: "Connection" }).textContent()) ?? "";
  }

  /** What the patron reads in the conversation. */
  async visibleText(): Promise<string[]> {
    return this.conversation.text();
  }
}
