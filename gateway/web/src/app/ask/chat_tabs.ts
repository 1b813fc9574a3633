/**
 * Which chats are open in a tab of this browser. A tab holds a lock of the browser's for the chat that it is in, and
 * the browser releases it when the tab is gone, however that came about.
 */

const LOCKS = "carrel.chat.";

/** The chat that this tab is in, as its other tabs see it. */
export class ChatTab {
  #sessionId: string | undefined;
  #release = () => {};

  constructor() {
    addEventListener("pageshow", ({ persisted }) => {
      // A page that was kept for "Back" has lost its lock meanwhile.
      if (persisted && this.#sessionId !== undefined) this.#lock(this.#sessionId);
    });
  }

  /** Says that this tab is in a chat, or in none any more. */
  enter(sessionId: string | undefined): void {
    if (sessionId === this.#sessionId) return;
    this.#sessionId = sessionId;
    this.#release();
    if (sessionId !== undefined) this.#lock(sessionId);
  }

  #lock(sessionId: string): void {
    const left = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    // Several tabs may be in one chat. Browsers have no locks for pages that do not come by https.
    navigator.locks?.request(LOCKS + sessionId, { mode: "shared" }, () => left).catch(() => {});
  }
}

/** Returns the chats that are open in a tab of this browser, or nothing if the browser does not say. */
export async function openChats(): Promise<ReadonlySet<string> | undefined> {
  try {
    const { held = [] } = await navigator.locks.query();
    const names = held.flatMap(({ name = "" }) => (name.startsWith(LOCKS) ? [name.slice(LOCKS.length)] : []));
    return new Set(names);
  } catch {
    return undefined;
  }
}
