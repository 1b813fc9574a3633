/**
 * What this browser remembers of chats that have not ended, beyond the tabs that they are in, so that a closed tab is
 * not the end of a chat (R8, D51). It is what lets the patron in, and no word of a chat.
 */
import { type HeldToken, isHeldToken } from "../../token";
import { forgetShared, recallShared, rememberShared, sharedKeys } from "../parts/shared_storage";

/** A chat that has not ended, as far as this browser knows, and what it takes to come back to it. */
export interface OpenChat {
  sessionId: string;
  token: HeldToken;
  /** When it began, in milliseconds since 1970 by the server's clock. */
  began: number;
}

/** Such a chat as it is remembered. */
export interface RememberedChat extends OpenChat {
  /**
   * Until when it is remembered unless a tab is in it: whoever comes to a shared computer later finds nothing (D78).
   */
  keptUntil: number;
  /** The command by which it is to be ended, and from when on: the patron began another chat instead. */
  leaving?: { commandId: string; from: number };
}

/** For how many milliseconds a chat is remembered after the last tab was in it. */
export const KEPT = 900_000;

/** The start of all keys. Each chat has a key of its own, so that tabs do not overwrite each other's. */
const CHATS = "carrel.chat.";

/** The chats of one page of a library that this browser remembers. If storage is switched off, there are none. */
export class RememberedChats {
  readonly #prefix: string;

  /** `name` is that of the page. */
  constructor(name: string) {
    this.#prefix = `${CHATS}${name}.`;
  }

  /** Returns the chats that can still be come back to, the newest first. Removes those of any page that cannot. */
  list(now: number): RememberedChat[] {
    const chats: RememberedChat[] = [];
    for (const key of sharedKeys(CHATS)) {
      const chat = recallShared(key);
      if (!isRememberedChat(chat) || Math.min(chat.token.renewUntil, chat.keptUntil) <= now) forgetShared(key);
      else if (key === this.#keyOf(chat.sessionId)) chats.push(chat);
    }
    return chats.sort((one, other) => other.began - one.began);
  }

  /** Remembers a chat as it is now. */
  keep(chat: RememberedChat): void {
    rememberShared(this.#keyOf(chat.sessionId), chat);
  }

  /** Forgets a chat. */
  forget(sessionId: string): void {
    forgetShared(this.#keyOf(sessionId));
  }

  /** Forgets all chats of the page. */
  clear(): void {
    for (const key of sharedKeys(this.#prefix)) forgetShared(key);
  }

  #keyOf(sessionId: string): string {
    return `${this.#prefix}${sessionId}`;
  }
}

function isRememberedChat(value: unknown): value is RememberedChat {
  if (typeof value !== "object" || value === null) return false;
  const { sessionId, token, began, keptUntil, leaving } = value as Partial<RememberedChat>;
  const isWhole = typeof sessionId === "string" && isHeldToken(token) && typeof began === "number";
  const isLeaving =
    leaving === undefined || (typeof leaving?.commandId === "string" && typeof leaving.from === "number");
  return isWhole && isLeaving && typeof keptUntil === "number";
}
