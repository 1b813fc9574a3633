/** What of the desk is shown: which tab, which list and which session; and the way back there after a reload. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { Role } from "../gen/carrel/directory/v1/directory_service_pb";

/** A list of the Patron Chat tab. */
export type ListName = "new" | "mine" | "all" | "librarians";
/** A tab of the desk. */
export type DeskTab = "chat" | "im" | "transcripts" | "audit";

/** What a tab of the browser remembers of it. */
export interface StoredPlace {
  tab: DeskTab;
  list: ListName;
  sessionId?: string;
}

/** The tabs that a librarian with this role may open. */
export function tabsFor(role: Role): readonly DeskTab[] {
  if (role >= Role.ADMINISTRATOR) return ["chat", "im", "transcripts", "audit"];
  return role >= Role.ASK_ADMINISTRATOR ? ["chat", "im", "transcripts"] : ["chat", "im"];
}

/** Whether a librarian with this role may enter sessions of others, and so has the list of them. */
export function supervises(role: Role): boolean {
  return role >= Role.ASK_ADMINISTRATOR;
}

/** What one desk shows. */
export class Place {
  readonly #sessionId = signal<string | undefined>(undefined);
  /** What was shown before the reload and is not yet shown again. */
  #back: Partial<StoredPlace> = {};

  /** Which tab is shown. */
  readonly tab = signal<DeskTab>("chat");
  /** Which list is shown. */
  readonly list = signal<ListName>("new");
  /** The session that is shown. */
  readonly sessionId: ReadonlySignal<string | undefined> = this.#sessionId;

  /** What is to be remembered. */
  get stored(): StoredPlace {
    const [tab, list] = [this.tab.value, this.list.value];
    const sessionId = this.#sessionId.value ?? this.#back.sessionId;
    return {
      tab: this.#back.tab ?? tab,
      list: this.#back.list ?? list,
      ...(sessionId === undefined ? {} : { sessionId }),
    };
  }

  /** What the user looks at, and what they write there. Who is elsewhere later has turned to something else meanwhile. */
  get here(): string {
    const box = document.activeElement;
    const written = box instanceof HTMLTextAreaElement || box instanceof HTMLInputElement ? box.value : "";
    return JSON.stringify([this.tab.value, this.list.value, this.#sessionId.value, written]);
  }

  /** Goes back to what was shown before a reload, as soon as the server has said that the user may see it. */
  restore(place: StoredPlace | undefined): void {
    this.#back = place ?? {};
  }

  /** Takes up that the user is welcome, in this role. */
  welcomed(role: Role): void {
    const { tab, list, ...rest } = this.#back;
    this.#back = rest;
    if (tab !== undefined && tabsFor(role).includes(tab)) this.tab.value = tab;
    if (list !== undefined && (list !== "all" || supervises(role))) this.list.value = list;
  }

  /** Takes up that the user takes part in a session. */
  attended(sessionId: string): void {
    if (sessionId === this.#back.sessionId) this.show(sessionId);
  }

  /** Takes up that a session is no longer the user's. */
  lost(sessionId: string): void {
    if (sessionId === this.#back.sessionId) delete this.#back.sessionId;
  }

  /** Shows a session, or none. */
  show(sessionId: string | undefined): void {
    delete this.#back.sessionId;
    this.#sessionId.value = sessionId;
  }

  /** Shows what everybody sees first. */
  clear(): void {
    this.#back = {};
    this.show(undefined);
    this.tab.value = "chat";
    this.list.value = "new";
  }
}
