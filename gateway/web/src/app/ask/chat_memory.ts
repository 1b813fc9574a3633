/**
 * The way back into a chat whose tab was closed: what this tab has its browser remember of its own chat, and what the
 * browser offers to a tab that has none (R8, D51, K12). On a public computer, somebody else may have begun that chat: the
 * tab goes into no chat by itself, and a library can have its pages remember none (D78).
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { serverNow } from "../../api";
import { recall, remember } from "../parts/tab_storage";
import { ChatTab, openChats } from "./chat_tabs";
import { type RememberedChat, RememberedChats } from "./remembered_chats";

/** A chat that the patron may go on with. */
export interface Offer {
  chat: RememberedChat;
  /** Whether it is open in another tab. Not every browser says. */
  tab: "open" | "closed" | "unknown";
}

/** What a tab and its browser remember of a library's chats. */
export class ChatMemory {
  readonly #offer = signal<Offer | undefined>(undefined);
  readonly #isOffering = signal(false);
  readonly #chats: RememberedChats;
  readonly #tab = new ChatTab();
  /** The key under which the tab remembers which chats the patron did not want to go on with. */
  readonly #declinedKey: string;
  #own: RememberedChat | undefined;
  #isAllowed = false;

  /** The chat that is offered, once it is known whether it is open in another tab. */
  readonly offer: ReadonlySignal<Offer | undefined> = this.#offer;
  /** Whether there is a chat to offer. */
  readonly isOffering: ReadonlySignal<boolean> = this.#isOffering;

  /** `name` is that of the library's page. */
  constructor(name: string) {
    this.#chats = new RememberedChats(name);
    this.#declinedKey = `carrel.declined.${name}`;
    addEventListener("storage", () => void this.update());
    addEventListener("pageshow", () => void this.update());
  }

  /** Notes whether the library lets browsers remember chats. Until then, none is remembered. */
  allow(isAllowed: boolean): void {
    this.#isAllowed = isAllowed;
    if (!isAllowed) this.#chats.clear();
    else if (this.#own !== undefined) this.#chats.keep(this.#own);
  }

  /** Follows the chat that this tab is in, which has not ended. Without one, the browser forgets the one before. */
  follow(chat: RememberedChat | undefined): void {
    const before = this.#own?.sessionId;
    this.#own = chat;
    this.#tab.enter(chat?.sessionId);
    if (before !== undefined && before !== chat?.sessionId) this.#chats.forget(before);
    if (chat !== undefined && this.#isAllowed) this.#chats.keep(chat);
  }

  /** Looks for a chat to offer. */
  look(): void {
    this.#isOffering.value = this.#isAllowed && this.#offered().length > 0;
    void this.update();
  }

  /** Updates what is offered: other tabs are closed, and chats end in them. */
  async update(): Promise<void> {
    if (!this.#isOffering.value) return;
    const open = await openChats();
    if (!this.#isOffering.value) return;
    const offers = this.#offered().map((chat): Offer => ({ chat, tab: whereIs(chat, open) }));
    // What the patron is about to answer does not become another chat under their hand.
    const same = offers.find(({ chat }) => chat.sessionId === this.#offer.value?.chat.sessionId);
    this.#show(same ?? offers.find(({ tab }) => tab !== "open") ?? offers[0]);
  }

  /** Returns the chat that was offered, for the patron to go on with, if it is still remembered. */
  take(): RememberedChat | undefined {
    const taken = this.#offer.value?.chat.sessionId;
    const chat = this.#offered().find(({ sessionId }) => sessionId === taken);
    this.#show(undefined);
    return chat;
  }

  /**
   * Declines the chat that was offered: it is not offered to this tab again, and unless it is open in another tab, the
   * browser forgets it. Returns it if nobody can come back to it, so that it should be ended.
   */
  async decline(): Promise<RememberedChat | undefined> {
    const offer = this.#offer.value;
    if (offer === undefined) return undefined;
    const { chat, tab } = offer;
    // A tab that is being loaded anew is closed only for a moment.
    const isClosed = tab === "closed" && (await openChats())?.has(chat.sessionId) === false;
    if (isClosed || tab === "unknown") this.#chats.forget(chat.sessionId);
    // The tab that it is open in, if any, goes on remembering it.
    if (!isClosed) remember(this.#declinedKey, [...this.#declined(), chat.sessionId]);
    await this.update();
    return isClosed ? chat : undefined;
  }

  #show(offer: Offer | undefined): void {
    this.#isOffering.value = offer !== undefined;
    const now = this.#offer.value;
    if (offer?.tab === now?.tab && offer?.chat.sessionId === now?.chat.sessionId) return;
    this.#offer.value = offer;
  }

  #offered(): RememberedChat[] {
    const declined = this.#declined();
    return this.#chats.list(serverNow()).filter(({ sessionId }) => !declined.includes(sessionId));
  }

  #declined(): readonly string[] {
    return recall(this.#declinedKey, isIds) ?? [];
  }
}

function whereIs({ sessionId }: RememberedChat, open: ReadonlySet<string> | undefined): Offer["tab"] {
  if (open === undefined) return "unknown";
  return open.has(sessionId) ? "open" : "closed";
}

function isIds(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((id) => typeof id === "string");
}
