/** A librarian's own scripts: texts that are ready to be sent, kept in this browser for each librarian by themselves (D38). */
import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { onKeptElsewhere } from "./other_tabs";

/** A script of the librarian's own. */
export interface OwnScript {
  name: string;
  text: string;
}

/** How many a librarian can keep. */
export const SCRIPTS_LIMIT = 100;
/** How long a script's name may be. */
export const SCRIPT_NAME_LIMIT = 80;

const NOTHING: OwnScript = { name: "", text: "" };

/** The own scripts of whoever is at the desk. */
export class OwnScripts {
  readonly #all = signal<readonly OwnScript[]>([]);
  /** Whether the browser has kept what was changed here last. */
  #isKept = true;

  /** The scripts, by name. */
  readonly all: ReadonlySignal<readonly OwnScript[]> = this.#all;

  /** A script that is being written. Like other drafts it lives in this page's memory and nowhere else. */
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

  /** Whether a script is begun and not kept. */
  get isBegun(): boolean {
    const { name, text } = this.draft.value;
    return (name + text).trim() !== "";
  }

  /** Drops the script that is being written. */
  dropDraft(): void {
    this.draft.value = NOTHING;
  }

  /** Whether there is a script of this name. */
  has(name: string): boolean {
    return this.#all.value.some((one) => one.name === name.trim());
  }

  /** Keeps a script. One of the same name gives way to it. Says why not, if it cannot be kept. */
  add({ name, text }: OwnScript): string | undefined {
    const script = { name: name.trim(), text: text.trim() };
    if (script.name === "" || script.text === "") return "Give the script a name and a text.";
    const others = this.#latest().filter((one) => one.name !== script.name);
    if (others.length >= SCRIPTS_LIMIT) return `You have ${SCRIPTS_LIMIT} scripts. Remove one first.`;
    if (this.#change([...others, script])) return undefined;
    return "This browser could not store it: it is there until you leave the page.";
  }

  /** Removes a script. Says so, if it will be there again. */
  remove(name: string): string | undefined {
    if (this.#change(this.#latest().filter((one) => one.name !== name))) return undefined;
    return `This browser could not remove the script ${name}: it is gone until you leave the page, and then it is back.`;
  }

  /** The scripts with what other tabs have changed, unless there are some here that the browser does not keep. */
  #latest(): readonly OwnScript[] {
    const id = this.librarianId.value;
    return id === undefined || !this.#isKept ? this.#all.value : readScripts(id);
  }

  /** Takes these scripts, and says whether the browser keeps them as they are now. */
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

/** A draft with a script put in: after what is there, on a line of its own. */
export function withScript(draft: string, text: string): string {
  const before = draft.trimEnd();
  return before === "" ? text : `${before}\n${text}`;
}
