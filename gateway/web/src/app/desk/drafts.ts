/** What is typed and not sent, for each session and box. The tab keeps some of it across a reload (kept_drafts.ts). */
import { signal } from "@preact/signals";

/** A box in which something is typed. */
export type DraftBox = "patron" | "note" | "page" | "offer" | "ask";

/** The drafts of one session. */
export interface Draft {
  patron: string;
  note: string;
  /** The address of a web page. */
  page: string;
  /** The message to go with an offer of the session. */
  offer: string;
  /** The message that asks a librarian before the session is offered to them. */
  ask: string;
  /** When the draft for the patron was begun, by the server's time. */
  begun: number;
  /** The patron's name, once the session has left the desk. */
  whose: string;
  /** The boxes with text that was taken back while it was on its way, and so may have been sent all the same. */
  doubtful: ReadonlySet<DraftBox>;
}

const NOTHING: Draft = { patron: "", note: "", page: "", offer: "", ask: "", begun: 0, whose: "", doubtful: new Set() };

/** All drafts. */
export class Drafts {
  readonly #drafts = signal<ReadonlyMap<string, Draft>>(new Map());

  /** Returns the drafts of a session. */
  of(sessionId: string): Draft {
    return this.#drafts.value.get(sessionId) ?? NOTHING;
  }

  /** Whether anything is typed in a session and not sent. */
  has(sessionId: string): boolean {
    return isBegun(this.of(sessionId));
  }

  /** Whether anything is typed and not sent. */
  get any(): boolean {
    return [...this.#drafts.value.values()].some(isBegun);
  }

  /** All drafts, by session. */
  get all(): (readonly [string, Draft])[] {
    return [...this.#drafts.value];
  }

  /** Returns the non-empty drafts of sessions other than these. */
  outside(sessions: ReadonlyMap<string, unknown>): [string, Draft][] {
    return [...this.#drafts.value].filter(([sessionId, draft]) => !sessions.has(sessionId) && isBegun(draft));
  }

  /** Changes a session's drafts. */
  change(sessionId: string, change: Partial<Draft>, now = 0): void {
    const before = this.of(sessionId);
    const begun = before.patron === "" ? now : before.begun;
    const after = { ...before, begun, ...change };
    // Once a box is empty, nothing in it is in doubt.
    const doubtful = new Set([...after.doubtful].filter((box) => after[box] !== ""));
    this.#drafts.value = new Map(this.#drafts.value).set(sessionId, { ...after, doubtful });
  }

  /** Drops a session's drafts. */
  drop(sessionId: string): void {
    const drafts = new Map(this.#drafts.value);
    drafts.delete(sessionId);
    this.#drafts.value = drafts;
  }

  /** Drops all drafts. */
  clear(): void {
    this.#drafts.value = new Map();
  }
}

function isBegun({ patron, note, page, offer, ask }: Draft): boolean {
  return (patron + note + page + offer + ask).trim() !== "";
}
