/** The chat monitor, driven in a librarian's terms. */
import type { Locator, Page } from "playwright-core";
import { Conversation } from "./conversation";
import type { Visitor } from "./visitor";

/** A list in the chat monitor. */
export type List = "New" | "My Active" | "All" | "Librarians";

/** A librarian at the chat monitor. */
export class Desk {
  readonly page: Page;
  readonly conversation: Conversation;
  /** The warning shown before conference mode. */
  readonly warning: Locator;
  /** The question whether an answer to a note should really go to the patron (R10). */
  readonly guard: Locator;
  /** The banner that says that the librarian is in conference mode. */
  readonly banner: Locator;
  readonly leaveButton: Locator;
  readonly endButton: Locator;
  readonly notesTab: Locator;
  readonly notesBox: Locator;
  readonly patronBox: Locator;

  /** The dialog that asks which queues to watch, first thing after the log-in. */
  readonly queueChooser: Locator;
  /** The box for a web page's address. */
  readonly pageBox: Locator;
  readonly nameBox: Locator;
  readonly passwordBox: Locator;

  constructor(readonly visitor: Visitor) {
    this.page = visitor.page;
    this.conversation = new Conversation(this.page);
    this.warning = this.page.getByRole("alertdialog", { name: "Enter this session?" });
    this.guard = this.page.getByRole("alertdialog", { name: "Send to the patron, or as a note?" });
    this.banner = this.page.getByText("In Conference Mode", { exact: true });
    this.leaveButton = this.page.getByRole("button", { name: "Leave Session" });
    this.endButton = this.page.getByRole("button", { name: "End Session" });
    this.notesTab = this.page.getByRole("tab", { name: /^Notes/ });
    this.notesBox = this.page.getByRole("textbox", { name: /^Staff only/ });
    this.patronBox = this.page.getByRole("textbox", { name: /^To .*the patron$/ });
    this.queueChooser = this.page.getByRole("dialog", { name: "Which queues do you watch?" });
    this.pageBox = this.page.getByRole("textbox", { name: /^Web address/ });
    this.nameBox = this.page.getByRole("textbox", { name: "Log-in name" });
    this.passwordBox = this.page.getByLabel("Password");
  }

  /** Logs in and chooses these queues. */
  async logIn(name: string, password: string, queues: readonly string[]): Promise<void> {
    await this.nameBox.fill(name);
    await this.passwordBox.fill(password);
    await this.page.getByRole("button", { name: "Log in" }).click();
    for (const queue of queues) await this.queue(queue).check();
    await this.queueChooser.getByRole("button", { name: queues.length > 0 ? "Save" : "No queue for now" }).click();
    await this.list("My Active").waitFor();
  }

  /** The checkbox of a queue. */
  queue(name: string): Locator {
    return this.queueChooser.getByRole("checkbox", { name: new RegExp(`^${name}`) });
  }

  /** The tab of a list. */
  list(list: List): Locator {
    return this.page.getByRole("tab", { name: new RegExp(`^${list}\\b`) });
  }

  /** Opens a list. */
  async show(list: List): Promise<void> {
    await this.list(list).click();
  }

  /** The row of a patron in a list, which has to be shown. */
  row(list: List, patron: string): Locator {
    const panel = this.page.getByRole("tabpanel", { name: new RegExp(`^${list}\\b`) });
    return panel.getByRole("listitem").filter({ hasText: patron });
  }

  /** The button that opens a row: to pick up, to show or to enter. */
  opener(list: List, patron: string): Locator {
    return this.row(list, patron).getByRole("button", { name: /^(Pick up|Open|Enter|Show)/ });
  }

  /** Picks a patron up from the New list. */
  async pickUp(patron: string): Promise<void> {
    await this.show("New");
    await this.opener("New", patron).click();
    // Until then, another session may be shown that was picked up, too.
    await this.page.getByRole("region", { name: `Session with ${patron}` }).waitFor();
    await this.conversation.shows("You picked the patron up");
  }

  /** Clicks on a session in the All list. */
  async openFromAll(patron: string): Promise<void> {
    await this.show("All");
    await this.opener("All", patron).click();
  }

  /** Enters a session of the All list, accepting the warning. */
  async enter(patron: string): Promise<void> {
    await this.openFromAll(patron);
    await this.warning.getByRole("button", { name: "OK" }).click();
    await this.banner.waitFor();
  }

  /** Writes to everyone in the session. The page may ask first; see `guard`. */
  async say(text: string): Promise<void> {
    await this.patronBox.fill(text);
    await this.patronBox.press("Enter");
  }

  /**
   * Writes to everyone in the session, confirms that it is for the patron if the page asks, and waits for the commit.
   */
  async sayToPatron(text: string): Promise<void> {
    await this.say(text);
    await this.guard.or(this.conversation.item(text)).first().waitFor();
    if ((await this.guard.count()) > 0) await this.answerGuard("patron");
    await this.conversation.sent(text);
  }

  /** Answers the question whether it should go to the patron. */
  async answerGuard(answer: "patron" | "note"): Promise<void> {
    const name = answer === "note" ? "Send as a note" : /^Send to/;
    await this.guard.getByRole("button", { name }).click();
    await this.guard.waitFor({ state: "detached" });
  }

  /** Writes a note, and waits until it is committed. */
  async note(text: string): Promise<void> {
    await this.notesBox.fill(text);
    await this.notesBox.press("Enter");
    await this.conversation.sent(text);
  }

  /** Sends a web page's address. */
  async pushPage(address: string): Promise<void> {
    await this.tryToPushPage(address);
    await this.conversation.shows(address);
  }

  /** Enters a web page's address and presses Enter, without waiting for the outcome. */
  async tryToPushPage(address: string): Promise<void> {
    await this.page.getByRole("button", { name: "Web page", exact: true }).click();
    await this.pageBox.fill(address);
    await this.pageBox.press("Enter");
  }

  /** The question asked before something that was typed is thrown away. */
  get throwAway(): Locator {
    return this.page.getByRole("alertdialog", { name: "Throw away what you have typed?" });
  }

  /** Gives up sending a web page whose address is typed, and confirms it. */
  async giveUpPage(): Promise<void> {
    await this.pageBox.press("Escape");
    await this.throwAway.getByRole("button", { name: "Throw away" }).click();
    await this.pageBox.waitFor({ state: "detached" });
  }

  /** Opens the transcript of a patron's ended session. */
  async review(patron: string): Promise<void> {
    await this.page.getByRole("tab", { name: "Transcripts" }).click();
    await this.page.getByRole("button", { name: new RegExp(`^Transcript of ${patron}`) }).click();
  }

  /** Ends the session for everyone, and confirms it. */
  async end(): Promise<void> {
    await this.endButton.click();
    await this.page
      .getByRole("alertdialog", { name: "End this session?" })
      .getByRole("button", { name: "End Session" })
      .click();
  }

  /** Sets the resolution of a session, where the page asks for it: in the session that is shown, or in a row. */
  async resolve(words: string, where: Locator | Page = this.page): Promise<void> {
    await where.getByRole("group", { name: "How did it end?" }).getByRole("radio", { name: words }).check();
    await where.getByRole("button", { name: "Set the resolution" }).click();
    await where.getByText(`Resolution: ${words}`, { exact: true }).waitFor();
  }

  /** Chooses a descriptive code where the page asks what a session was about, by typing part of it. */
  async choose(code: string, typed: string, where: Locator | Page = this.page): Promise<void> {
    const box = where.getByRole("combobox", { name: /^What was it about/ });
    await box.fill(typed);
    await where.getByRole("option", { name: code, exact: true }).waitFor();
    await box.press("Enter");
    await where.getByRole("button", { name: `Take off ${code}` }).waitFor();
  }

  /** The row of a colleague in the Librarians list, which has to be shown. */
  colleague(name: string): Locator {
    return this.page.getByRole("table", { name: "Librarians" }).getByRole("row").filter({ hasText: name });
  }

  /** The names in the Librarians list, which has to be shown. */
  async colleagues(): Promise<string[]> {
    const rows = this.page.getByRole("table", { name: "Librarians" }).getByRole("rowheader");
    return rows.getByRole("button").allTextContents();
  }

  /** Writes to a librarian in the IM session that is shown, or to "the staff of" a queue in its staff room. */
  async writeIm(to: string, text: string): Promise<void> {
    const box = this.page.getByRole("textbox", { name: new RegExp(`^To ${to}`) });
    await box.fill(text);
    await box.press("Enter");
    await this.imShows(to.replace("the staff of ", ""), text);
  }

  /** Waits until a text is shown in the IM session with a librarian. */
  async imShows(other: string, text: string): Promise<void> {
    const log = this.page.getByRole("log", { name: `Messages with ${other}` });
    await log.getByRole("listitem").filter({ hasText: text }).waitFor();
  }

  /** Offers the session that is shown. `to` is a librarian's name, or "Queue" followed by a queue's name. */
  async offer(patron: string, to: string, message = ""): Promise<void> {
    await this.page.getByRole("button", { name: "Transfer …" }).click();
    const dialog = this.page.getByRole("dialog", { name: `Transfer ${patron}` });
    await dialog.getByRole("radio", { name: new RegExp(`^${to}`) }).check();
    await dialog.getByRole("textbox", { name: /^What they should know/ }).fill(message);
    await dialog.getByRole("button", { name: "Offer", exact: true }).click();
    await this.offerBar.waitFor();
  }

  /** The bar that says to whom the session that is shown is offered. */
  get offerBar(): Locator {
    return this.page.getByRole("status").filter({ hasText: "Offered to" });
  }

  /** The box that says that a session is offered to the librarian. */
  offered(from: string, patron: string): Locator {
    return this.page.getByRole("region", { name: `${from} offers you ${patron}` });
  }

  /** The colour of an item's text. */
  async colourOf(text: string): Promise<string> {
    return this.conversation.area
      .getByText(text, { exact: true })
      .evaluate((element) => getComputedStyle(element).color);
  }

  /** What the page says about its connection. */
  async connection(): Promise<string> {
    return (await this.page.getByRole("status", { name: "Connection" }).textContent()) ?? "";
  }

  /** What the librarian reads in the conversation. */
  async visibleText(): Promise<string[]> {
    return this.conversation.text();
  }
}
