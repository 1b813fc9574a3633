/**
 * What a librarian has begun to type and the tab keeps across a reload: in the patron box and the Notes box of each
 * session, and to other librarians. It is in this tab's `sessionStorage` or nowhere, together with the id of the librarian,
 * and is given back to nobody else who logs in here. It is removed when it was sent or can't be any more, since its session has
 * ended, when the session is put away, and when the librarian logs out.
 */
import { effect, untracked } from "@preact/signals";
import type { Draft, DraftBox, Drafts } from "./drafts";
import type { ImDraft, InstantMessages } from "./im";

const KEY = "carrel.desk.drafts";

/** The boxes of a session whose text is kept. What is typed in others belongs to something that is open beside them. */
const BOXES = ["patron", "note"] as const;
type KeptBox = (typeof BOXES)[number];

/** What is kept of a session's drafts. */
interface KeptDraft {
  sessionId: string;
  patron: string;
  note: string;
  /** When the draft for the patron was begun, by the server's time. */
  begun: number;
  /** The boxes whose text may have been sent all the same. */
  doubtful: readonly DraftBox[];
}

/** Everything that is kept. */
interface Kept {
  librarianId: string;
  sessions: readonly KeptDraft[];
  im: readonly ImDraft[];
}

/** The kept drafts of one desk. */
export class KeptDrafts {
  /** Whose drafts are kept; empty while that is not known, so that nothing is given back or removed. */
  #librarianId = "";
  /** What the tab was last asked to store. */
  #text: string | undefined;
  /** Whether the tab has stored it. */
  #isStored = false;

  /** `isOpen` is whether a text in a box can still be sent, as far as that is known. */
  constructor(
    private readonly drafts: Drafts,
    private readonly im: InstantMessages,
    private readonly isOpen: (sessionId: string, box: KeptBox) => boolean,
  ) {
    effect(() => {
      const [sessions, messages] = [this.#sessions(), this.im.drafts];
      untracked(() => this.#keep(sessions, messages));
    });
  }

  /** Gives a librarian back what this tab keeps of theirs, and keeps what they type from now on. */
  begin(librarianId: string): void {
    if (librarianId === "" || librarianId === this.#librarianId) return;
    const kept = recall();
    this.#librarianId = librarianId;
    if (kept?.librarianId === librarianId) this.#restore(kept);
    this.#keep(this.#sessions(), this.im.drafts);
  }

  /** Removes everything: the librarian has logged out, or somebody else has logged in. */
  forget(): void {
    this.#librarianId = "";
    this.#text = undefined;
    this.#isStored = false;
    store("");
  }

  /** Whether anything that is typed would be gone after a reload. */
  get isAnyLost(): boolean {
    const isLost = (sessionId: string) => (box: DraftBox, text: string) =>
      text.trim() !== "" && !(this.#isStored && isKeptBox(box) && this.isOpen(sessionId, box));
    const inSession = ([sessionId, { patron, note, page, offer, ask }]: readonly [string, Draft]) =>
      Object.entries({ patron, note, page, offer, ask }).some(([box, text]) =>
        isLost(sessionId)(box as DraftBox, text),
      );
    return this.drafts.all.some(inSession) || (this.im.drafts.length > 0 && !this.#isStored);
  }

  /** What is to be kept of sessions. */
  #sessions(): KeptDraft[] {
    const all = this.drafts.all.map(([sessionId, draft]) => {
      const open = (box: KeptBox) => (this.isOpen(sessionId, box) ? draft[box] : "");
      const doubtful = [...draft.doubtful].filter(isKeptBox);
      return { sessionId, patron: open("patron"), note: open("note"), begun: draft.begun, doubtful };
    });
    return all.filter(({ patron, note }) => (patron + note).trim() !== "");
  }

  #keep(sessions: readonly KeptDraft[], im: readonly ImDraft[]): void {
    if (this.#librarianId === "") return;
    const kept: Kept = { librarianId: this.#librarianId, sessions, im };
    const text = sessions.length + im.length === 0 ? "" : JSON.stringify(kept);
    // This is called at every change of a session, and most of them change no draft.
    if (text === this.#text) return;
    this.#text = text;
    this.#isStored = store(text);
  }

  #restore({ sessions, im }: Kept): void {
    for (const { sessionId, patron, note, begun, doubtful } of sessions) {
      // What was typed since the page was loaded stays.
      if (!this.drafts.has(sessionId))
        this.drafts.change(sessionId, { patron, note, begun, doubtful: new Set(doubtful) });
    }
    for (const draft of im) this.im.restore(draft);
  }
}

function isKeptBox(box: DraftBox): box is KeptBox {
  return (BOXES as readonly string[]).includes(box);
}

/** Stores a text, or nothing, in the place of what was stored before, and returns whether that worked. */
function store(text: string): boolean {
  try {
    // If there is no room for what is typed now, what was typed before must not come back either.
    sessionStorage.removeItem(KEY);
    if (text === "") return true;
    sessionStorage.setItem(KEY, text);
    return sessionStorage.getItem(KEY) === text;
  } catch {
    // Storage is full or switched off: then the page asks before it is left.
    return false;
  }
}

function recall(): Kept | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return isKept(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== "object" || value === null) return false;
  const { librarianId, sessions, im } = value as Partial<Kept>;
  return typeof librarianId === "string" && isListOf(sessions, isKeptDraft) && isListOf(im, isImDraft);
}

function isListOf(value: unknown, isOne: (one: object) => boolean): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null && isOne(one));
}

function isKeptDraft(value: object): boolean {
  const { sessionId, patron, note, begun, doubtful } = value as Partial<KeptDraft>;
  const isText = [sessionId, patron, note].every((text) => typeof text === "string");
  return isText && typeof begun === "number" && Array.isArray(doubtful);
}

function isImDraft(value: object): boolean {
  const { text, queueId, member } = value as Partial<ImDraft>;
  const isMember = typeof member === "object" && typeof member?.librarianId === "string";
  return typeof text === "string" && (typeof queueId === "string" || isMember);
}
