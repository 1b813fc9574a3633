/** What a librarian writes in sessions: the two boxes, their drafts, and the question before a likely slip (R10). */
import { serverNow } from "../../api";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { Audience } from "../../gen/carrel/session/v1/session_pb";
import { postMessage, pushPage, writeNote } from "../../state/deeds";
import { noteInDoubt } from "../../state/guard";
import type { Link } from "../parts/link";
import { guard } from "../parts/settings";
import { type Draft, Drafts } from "./drafts";

/** The writing of one librarian. */
export class Writing {
  readonly drafts = new Drafts();
  /** For each session, the last note about which the guard has asked and was answered. */
  readonly #guarded = new Map<string, number>();

  /** `ask` is given the note in doubt; the text stays in the box until the user has answered. */
  constructor(
    private readonly link: Link,
    private readonly isOwn: (event: SessionEvent) => boolean,
    private readonly ask: (sessionId: string, note: number) => void,
  ) {}

  /**
   * Sends what is in the patron's box. If it may be meant as a note, the desk asks first (R10). `answered` is the note
   * about which it has asked, if the user answered that the text is for the patron.
   */
  sendToPatron(sessionId: string, answered?: number): void {
    const view = this.link.sessions.value.get(sessionId);
    const draft = this.drafts.of(sessionId);
    if (view === undefined || draft.patron.trim() === "") return;
    if (answered !== undefined) {
      this.#guarded.set(sessionId, answered);
    } else if (guard.value) {
      const note = noteInDoubt(view.events, this.isOwn, draft.begun, serverNow());
      if (note !== undefined && this.#guarded.get(sessionId) !== note) return this.ask(sessionId, note);
    }
    this.drafts.change(sessionId, { patron: "" });
    this.link.act(sessionId, postMessage(draft.patron));
  }

  /** Sends what is in the patron's box as a note. `answered` is the note about which the desk has asked, if it has. */
  sendAsNote(sessionId: string, answered?: number): void {
    if (!this.link.sessions.value.has(sessionId)) return;
    if (answered !== undefined) this.#guarded.set(sessionId, answered);
    const { patron } = this.drafts.of(sessionId);
    this.drafts.change(sessionId, { patron: "" });
    this.link.act(sessionId, writeNote(patron));
  }

  /** Sends what is in the Notes box. */
  sendNote(sessionId: string): void {
    const { note } = this.drafts.of(sessionId);
    if (note.trim() === "") return;
    this.drafts.change(sessionId, { note: "" });
    this.link.act(sessionId, writeNote(note));
  }

  /** Sends a web page's address to the patron. */
  sendPage(sessionId: string, address: string): void {
    this.drafts.change(sessionId, { page: "" });
    this.link.act(sessionId, pushPage(address));
  }

  /** Keeps what is typed, and tells the others that the user is typing. */
  type(sessionId: string, change: Partial<Pick<Draft, "patron" | "note" | "page" | "doubtful">>): void {
    this.drafts.change(sessionId, change, serverNow());
    if (change.patron) this.link.typing(sessionId, Audience.PATRON);
    if (change.note) this.link.typing(sessionId, Audience.STAFF);
  }

  /** Forgets a session that leaves the desk, with its drafts. */
  forget(sessionId: string): void {
    this.drafts.drop(sessionId);
    this.#guarded.delete(sessionId);
  }

  /** Forgets everything that was typed. */
  clear(): void {
    this.drafts.clear();
    this.#guarded.clear();
  }
}
