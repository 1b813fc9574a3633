/**
 * The way back into a chat whose tab was closed: what this tab has its browser remember of its own chat, and what the
 * browser offers to a tab that has none (R8, D51, K12). On a public computer, somebody else may have begun that chat:
 * the tab goes into no chat by itself, and a library can have its pages remember none (D78).
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { serverNow } from "../../api";
import { newCommandId } from "../../command_id";
import { recall, remember } from "../parts/tab_storage";
import { endChat } from "./chat_ending";
import { ChatTab, openChats } from "./chat_tabs";
import { forgetOldLeft, leaveChat } from "./left_chats";
import { KEPT, type OpenChat, type RememberedChat, RememberedChats } from "./remembered_chats";

/** How often a tab says that it is still in its chat, in milliseconds. */
const REFRESHED = 60_000;

/**
 * How long a chat is seen in no tab before it is ended: a tab that is being loaded anew, or a site that changes to its
 * next page, is away from its chat only for a moment.
 */
const AWAY = 10_000;

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
  readonly #endsGivenUp = signal(false);
  readonly #chats: RememberedChats;
  readonly #tab = new ChatTab();
  /** The chats that this page is ending. */
  readonly #ending = new Set<string>();
  /** The chats that were given up in this tab, if the browser may remember none. */
  readonly #givenUp = new Map<string, RememberedChat>();
  /** The key under which the tab remembers which chats the patron did not want to go on with. */
  readonly #declinedKey: string;
  #own: OpenChat | undefined;
  #refreshed = 0;
  #isAllowed = false;

  /** The chat that is offered, once it is known whether it is open in another tab. */
  readonly offer: ReadonlySignal<Offer | undefined> = this.#offer;
  /** Whether there is a chat to offer. */
  readonly isOffering: ReadonlySignal<boolean> = this.#isOffering;
  /** Whether a chat that is given up is ended. Otherwise the browser doesn't say whether another tab is in it. */
  readonly endsGivenUp: ReadonlySignal<boolean> = this.#endsGivenUp;

  /**
   * `name` is that of the library's page. `onChange` is called when another tab may have changed what the browser
   * remembers.
   */
  constructor(
    private readonly name: string,
    onChange: () => void,
  ) {
    this.#chats = new RememberedChats(name);
    this.#declinedKey = `carrel.declined.${name}`;
    const changed = () => {
      onChange();
      void this.update();
    };
    void openChats().then((open) => {
      this.#endsGivenUp.value = open !== undefined;
    });
    addEventListener("storage", changed);
    addEventListener("pageshow", changed);
  }

  /** Notes whether the library lets browsers remember chats. Until then, none is remembered. */
  allow(isAllowed: boolean): void {
    this.#isAllowed = isAllowed;
    const now = serverNow();
    forgetOldLeft(now);
    this.#chats.list(now);
    if (isAllowed) this.#keepOwn();
    else for (const page of pagesOf(this.name)) new RememberedChats(page).clear();
  }

  /** Follows the chat that this tab is in, which has not ended. Without one, the browser forgets the one before. */
  follow(chat: OpenChat | undefined): void {
    const before = this.#own?.sessionId;
    this.#own = chat;
    this.#tab.enter(chat?.sessionId);
    if (before !== undefined && before !== chat?.sessionId) this.#chats.forget(before);
    this.#keepOwn();
  }

  /** Looks for a chat to offer. */
  look(): void {
    this.#isOffering.value = this.#isAllowed && this.#offered().length > 0;
    void this.update();
  }

  /** Does what time brings; called each second. */
  async tick(): Promise<void> {
    const now = serverNow();
    const chats = this.#chats.list(now);
    // A tab that gave the chat up must not make the browser forget it for one that is in it.
    const isKept = chats.some(({ sessionId }) => sessionId === this.#own?.sessionId);
    if (!isKept || now - this.#refreshed >= REFRESHED) this.#keepOwn();
    await this.#settleLeft(chats, now);
    await this.update();
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
  take(): OpenChat | undefined {
    const taken = this.#offer.value?.chat.sessionId;
    const chat = this.#offered().find(({ sessionId }) => sessionId === taken);
    this.#show(undefined);
    return chat;
  }

  /**
   * Declines a chat that was offered: it is not offered to this tab again. If its tab was closed, it is ended, by this
   * page or another one of the library's, once it is certain that no tab is in it.
   */
  async decline(sessionId: string): Promise<void> {
    const offer = this.#offer.value;
    if (offer?.chat.sessionId !== sessionId) return;
    const { chat, tab } = offer;
    if (tab === "closed") {
      this.#chats.keep(leave(chat));
    } else {
      const remembered = new Set(this.#chats.list(serverNow()).map((one) => one.sessionId));
      remember(this.#declinedKey, [...this.#declined().filter((id) => remembered.has(id)), sessionId]);
      // The tab that it is open in, if any, goes on remembering it.
      if (tab === "unknown") this.#chats.forget(sessionId);
    }
    await this.update();
  }

  /**
   * Gives up a chat that this tab was in: like one that was declined, it is ended once it is certain that no tab is in
   * it.
   */
  giveUp(chat: OpenChat): void {
    if (!this.#endsGivenUp.value) return;
    if (this.#isAllowed) this.#chats.keep(leave(chat));
    else this.#givenUp.set(chat.sessionId, leave(chat));
  }

  /** Ends the chats that were left, unless a tab turned out to be in them. */
  async #settleLeft(chats: readonly RememberedChat[], now: number): Promise<void> {
    const due = [...chats, ...this.#givenUp.values()].filter(
      ({ sessionId, leaving }) => leaving && leaving.from <= now && !this.#ending.has(sessionId),
    );
    if (due.length === 0) return;
    const open = await openChats();
    for (const { leaving, ...chat } of due) {
      if (leaving === undefined || this.#ending.has(chat.sessionId)) continue;
      const isRemembered = !this.#givenUp.delete(chat.sessionId);
      if (open === undefined || open.has(chat.sessionId)) {
        if (isRemembered) this.#chats.keep(chat);
        continue;
      }
      this.#ending.add(chat.sessionId);
      leaveChat(chat.sessionId, chat.token.renewUntil);
      endChat(chat, leaving.commandId, () => this.#chats.forget(chat.sessionId));
    }
  }

  /** Has the browser remember the chat that this tab is in, if the library lets it. */
  #keepOwn(): void {
    if (this.#own === undefined || !this.#isAllowed) return;
    this.#refreshed = serverNow();
    this.#chats.keep({ ...this.#own, keptUntil: this.#refreshed + KEPT });
  }

  #show(offer: Offer | undefined): void {
    this.#isOffering.value = offer !== undefined;
    const now = this.#offer.value;
    if (offer?.tab === now?.tab && offer?.chat.sessionId === now?.chat.sessionId) return;
    this.#offer.value = offer;
  }

  #offered(): RememberedChat[] {
    const declined = this.#declined();
    const chats = this.#chats.list(serverNow());
    return chats.filter(({ sessionId, leaving }) => leaving === undefined && !declined.includes(sessionId));
  }

  #declined(): readonly string[] {
    return recall(this.#declinedKey, isIds) ?? [];
  }
}

/** Marks a chat as one to be ended. */
function leave(chat: OpenChat): RememberedChat {
  const now = serverNow();
  return { ...chat, keptUntil: now + KEPT, leaving: { commandId: newCommandId(), from: now + AWAY } };
}

/** The pages of the library that has this page: the one for patrons and the one for practice. */
function pagesOf(name: string): string[] {
  const library = name.slice(name.indexOf(".") + 1);
  return [`ask.${library}`, `practice.${library}`];
}

function whereIs({ sessionId }: OpenChat, open: ReadonlySet<string> | undefined): Offer["tab"] {
  if (open === undefined) return "unknown";
  return open.has(sessionId) ? "open" : "closed";
}

function isIds(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((id) => typeof id === "string");
}
