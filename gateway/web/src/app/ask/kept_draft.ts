/**
 * The message that a patron has begun to type, which the tab keeps across a reload as long as the chat runs. It is in
 * `sessionStorage` or nowhere: not in a cookie, which would be sent along with each request (frame_storage.ts), and in
 * nothing that other tabs share. It is removed when the chat ends, on this page or while the page was away, and is then
 * shown to nobody who loads the page: the privacy of a public computer counts more than the words (D78). Until the page
 * knows whether the chat runs, the draft is not in the box, and is only shown if the way back takes long. If there is
 * no way back, and the chat is not known to have ended, it goes into the form for another question (`chat_return.ts`).
 */

/** The draft of one page. */
export class KeptDraft {
  #isKept = false;

  /** `key` is the storage key. */
  constructor(private readonly key: string) {}

  /** Whether the draft is there after a reload, as it was kept last. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Returns what was kept for a session; otherwise nothing. */
  recall(sessionId: string): string {
    try {
      const kept: unknown = JSON.parse(sessionStorage.getItem(this.key) ?? "null");
      return isDraft(kept) && kept.sessionId === sessionId ? kept.text : "";
    } catch {
      return "";
    }
  }

  /** Keeps the draft of a session instead of what was kept before. Without a session or a text, nothing is kept. */
  keep(sessionId: string | undefined, text: string): void {
    this.#isKept = false;
    try {
      sessionStorage.removeItem(this.key);
      if (sessionId === undefined || text === "") return;
      const draft = JSON.stringify({ sessionId, text });
      sessionStorage.setItem(this.key, draft);
      this.#isKept = sessionStorage.getItem(this.key) === draft;
    } catch {
      // Storage is full or switched off: then the page asks before it is left.
    }
  }
}

function isDraft(value: unknown): value is { sessionId: string; text: string } {
  if (typeof value !== "object" || value === null) return false;
  const { sessionId, text } = value as { sessionId?: unknown; text?: unknown };
  return typeof sessionId === "string" && typeof text === "string";
}
