/**
 * What this browser remembers of chats that have not ended, beyond the tabs that they are in, so that a closed tab is not
 * the end of a chat (R8, D51). It is what lets the patron in, and no word of a chat.
 */
import { type HeldToken, isHeldToken } from "../../token";
import { type SharedStorage, sharedFrameStorage } from "../parts/frame_storage";

/** A chat that has not ended, as far as this browser knows, and what it takes to come back to it. */
export interface RememberedChat {
  sessionId: string;
  token: HeldToken;
  /** When it began, in milliseconds since 1970 by the server's clock. */
  began: number;
}

/** The start of all keys. Each chat has a key of its own, so that tabs do not overwrite each other's. */
const CHATS = "carrel.chat.";

/** The chats of one library that this browser remembers. If storage is switched off, there are none. */
export class RememberedChats {
  readonly #prefix: string;

  /** `name` is that of the library's page. */
  constructor(name: string) {
    this.#prefix = `${CHATS}${name}.`;
  }

  /** Returns the chats that can still be come back to, the newest first. Removes those of any library that cannot. */
  list(now: number): RememberedChat[] {
    const chats: RememberedChat[] = [];
    for (const key of keysFrom(CHATS)) {
      const chat = read(key);
      if (chat === undefined || chat.token.renewUntil <= now) remove(key);
      else if (key === this.#keyOf(chat.sessionId)) chats.push(chat);
    }
    return chats.sort((one, other) => other.began - one.began);
  }

  /** Remembers a chat as it is now. */
  keep(chat: RememberedChat): void {
    try {
      storage()?.setItem(this.#keyOf(chat.sessionId), JSON.stringify(chat));
    } catch {
      // Then a closed tab cannot be come back to.
    }
  }

  /** Forgets a chat. */
  forget(sessionId: string): void {
    remove(this.#keyOf(sessionId));
  }

  /** Forgets all chats of the library. */
  clear(): void {
    for (const key of keysFrom(this.#prefix)) remove(key);
  }

  #keyOf(sessionId: string): string {
    return `${this.#prefix}${sessionId}`;
  }
}

function keysFrom(prefix: string): string[] {
  try {
    const keys = storage()?.keys() ?? [];
    return keys.filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

function read(key: string): RememberedChat | undefined {
  try {
    const value: unknown = JSON.parse(storage()?.getItem(key) ?? "null");
    return isRememberedChat(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function remove(key: string): void {
  try {
    storage()?.removeItem(key);
  } catch {
    // Nothing was stored.
  }
}

/** What all tabs of the browser share, or in a frame of another site, all tabs of that site. */
function storage(): SharedStorage | undefined {
  try {
    const all = localStorage;
    return {
      getItem: (key) => all.getItem(key),
      setItem: (key, value) => all.setItem(key, value),
      removeItem: (key) => all.removeItem(key),
      keys: () => Array.from({ length: all.length }, (_, index) => all.key(index) ?? ""),
    };
  } catch {
    return sharedFrameStorage();
  }
}

function isRememberedChat(value: unknown): value is RememberedChat {
  if (typeof value !== "object" || value === null) return false;
  const { sessionId, token, began } = value as Partial<RememberedChat>;
  return typeof sessionId === "string" && isHeldToken(token) && typeof began === "number";
}
