/** What the desk shows: which tab, list and session; and how it returns there after a reload. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import type { AuditedSession } from "../../gen/carrel/session/v1/session_service_pb";

/** A list of the Patron Chat tab. */
export type ListName = "new" | "mine" | "all" | "librarians";
/** A tab of the desk. */
export type DeskTab = "chat" | "im" | "transcripts" | "reports" | "audit";

/** The part of it that a browser tab remembers. */
export interface StoredPlace {
  tab: DeskTab;
  list: ListName;
  sessionId?: string;
}

/** The tabs that a librarian with this role may open. */
export function tabsFor(role: Role): readonly DeskTab[] {
  if (role >= Role.ADMINISTRATOR) return ["chat", "im", "transcripts", "reports", "audit"];
  return supervises(role) ? ["chat", "im", "transcripts", "reports"] : ["chat", "im", "transcripts"];
}

/**
 * Whether a librarian with this role may enter other librarians' sessions, so that they have the list All and all
 * transcripts.
 */
export function supervises(role: Role): boolean {
  return role >= Role.ASK_ADMINISTRATOR;
}

/** The place of one desk. */
export class Place {
  readonly #sessionId = signal<string | undefined>(undefined);
  /** The session whose transcript is to be opened. */
  #transcriptOf: AuditedSession | undefined;
  /** The part of the place before the reload that is not restored yet. */
  #back: Partial<StoredPlace> = {};

  /** Which tab is shown. */
  readonly tab = signal<DeskTab>("chat");
  /** Which list is shown. */
  readonly list = signal<ListName>("new");
  /** The session that is shown. */
  readonly sessionId: ReadonlySignal<string | undefined> = this.#sessionId;

  /** The place to remember. */
  get stored(): StoredPlace {
    const [tab, list] = [this.tab.value, this.list.value];
    const sessionId = this.#sessionId.value ?? this.#back.sessionId;
    return {
      tab: this.#back.tab ?? tab,
      list: this.#back.list ?? list,
      ...(sessionId === undefined ? {} : { sessionId }),
    };
  }

  /** What the user looks at and is writing. If it differs later, the user has turned to something else meanwhile. */
  get here(): string {
    const box = document.activeElement;
    const written = box instanceof HTMLTextAreaElement || box instanceof HTMLInputElement ? box.value : "";
    return JSON.stringify([this.tab.value, this.list.value, this.#sessionId.value, written]);
  }

  /** Returns to what was shown before a reload, as soon as the server has said that the user may see it. */
  restore(place: StoredPlace | undefined): void {
    this.#back = place ?? {};
  }

  /** Handles a Welcome for a user with this role. */
  welcomed(role: Role): void {
    const { tab, list, ...rest } = this.#back;
    this.#back = rest;
    if (tab !== undefined && tabsFor(role).includes(tab)) this.tab.value = tab;
    if (list !== undefined && (list !== "all" || supervises(role))) this.list.value = list;
  }

  /** Handles that the user attends a session. */
  attended(sessionId: string): void {
    if (sessionId === this.#back.sessionId) this.show(sessionId);
  }

  /** Handles that the user no longer attends a session. */
  lost(sessionId: string): void {
    if (sessionId === this.#back.sessionId) delete this.#back.sessionId;
  }

  /** Shows a session, or none. */
  show(sessionId: string | undefined): void {
    delete this.#back.sessionId;
    this.#sessionId.value = sessionId;
  }

  /** Goes to the transcripts, to open the one of an ended session. */
  openTranscript(session: AuditedSession): void {
    this.#transcriptOf = session;
    this.tab.value = "transcripts";
  }

  /** Returns the session whose transcript is to be opened, if any; only once. */
  takeTranscript(): AuditedSession | undefined {
    const session = this.#transcriptOf;
    this.#transcriptOf = undefined;
    return session;
  }

  /** Returns to the initial place. */
  clear(): void {
    this.#back = {};
    this.#transcriptOf = undefined;
    this.show(undefined);
    this.tab.value = "chat";
    this.list.value = "new";
  }
}
