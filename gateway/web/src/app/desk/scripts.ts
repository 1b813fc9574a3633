/** A librarian's own scripts: texts ready to be sent, stored in this browser separately for each librarian (D38). */
import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { onKeptElsewhere } from "../parts/other_tabs";

/** A script of the librarian's own. */
export interface OwnScript {
  name: string;
  text: string;
}

/** How many scripts a librarian can keep. */
export const SCRIPTS_LIMIT = 100;
/** How long a script's name may be. */
export const SCRIPT_NAME_LIMIT = 80;

const NOTHING: OwnScript = { name: "", text: "" };

/** The own scripts of the librarian at the desk. */
export class OwnScripts {
  readonly #all = signal<readonly OwnScript[]>([]);
  /** Whether the browser stored the last change made here. */
  #isKept = true;

  /** The scripts, by name. */
  readonly all: ReadonlySignal<readonly OwnScript[]> = this.#all;

  /** The script that is being written. Like other drafts it is only in this page's memory. */
  readonly draft = signal(NOTHING);

  constructor(private readonly librarianId: ReadonlySignal<string | undefined>) {
    effect(() => {
      const id = librarianId.value;
      this.dropDraft();
      this.#isKept = true;
      this.#all.value = id === undefined ? [] : readScripts(id);
    });
    const key = () => (librarianId.value === undefined ? undefined : keyOf(librarianId.value));
    onKeptElsewhere(key, () => {
      this.#all.value = this.#latest();
    });
  }

  /** Whether a script was begun and not saved. */
  get isBegun(): boolean {
    const { name, text } = this.draft.value;
    return (name + text).trim() !== "";
  }

  /** Drops the script that is being written. */
  dropDraft(): void {
    this.draft.value = NOTHING;
  }

  /** Whether there is a script with this name. */
  has(name: string): boolean {
    return this.#all.value.some((one) => one.name === name.trim());
  }

  /** Saves a script, replacing one with the same name. Returns why it could not be stored, if so. */
  add({ name, text }: OwnScript): string | undefined {
    const script = { name: name.trim(), text: text.trim() };
    if (script.name === "" || script.text === "") return "Give the script a name and a text.";
    const others = this.#latest().filter((one) => one.name !== script.name);
    if (others.length >= SCRIPTS_LIMIT) return `You have ${SCRIPTS_LIMIT} scripts. Remove one first.`;
    if (this.#change([...others, script])) return undefined;
    return "This browser could not store it: it is there until you leave the page.";
  }

  /** Removes a script. Returns a warning if the browser could not store that. */
  remove(name: string): string | undefined {
    if (this.#change(this.#latest().filter((one) => one.name !== name))) return undefined;
    return `This browser could not remove the script ${name}: it is gone until you leave the page, and then it is back.`;
  }

  /**
   * Returns the stored scripts, which other tabs may have changed; or this page's, if the browser did not store them.
   */
  #latest(): readonly OwnScript[] {
    const id = this.librarianId.value;
    return id === undefined || !this.#isKept ? this.#all.value : readScripts(id);
  }

  /** Replaces the scripts, and returns whether the browser stored them. */
  #change(scripts: readonly OwnScript[]): boolean {
    this.#all.value = sorted(scripts);
    const id = this.librarianId.value;
    if (id === undefined) return true;
    try {
      localStorage.setItem(keyOf(id), JSON.stringify(this.#all.value));
      this.#isKept = true;
    } catch {
      this.#isKept = false;
    }
    return this.#isKept;
  }
}

function keyOf(librarianId: string): string {
  return `carrel.scripts.${librarianId}`;
}

function readScripts(librarianId: string): readonly OwnScript[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(keyOf(librarianId)) ?? "[]");
    return Array.isArray(stored) ? sorted(stored.filter(isScript)).slice(0, SCRIPTS_LIMIT) : [];
  } catch {
    return [];
  }
}

function sorted(scripts: readonly OwnScript[]): readonly OwnScript[] {
  return [...scripts].sort((a, b) => a.name.localeCompare(b.name));
}

function isScript(value: unknown): value is OwnScript {
  if (typeof value !== "object" || value === null) return false;
  const { name, text } = value as Partial<OwnScript>;
  return typeof name === "string" && typeof text === "string" && name !== "" && text !== "";
}

/** Returns a draft with a script appended on a line of its own. */
export function withScript(draft: string, text: string): string {
  const before = draft.trimEnd();
  return before === "" ? text : `${before}\n${text}`;
}
