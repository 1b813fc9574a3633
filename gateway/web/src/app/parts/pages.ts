/** A list that is fetched page by page. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { ApiError } from "../../api";

/** One page of a list. */
export interface Page<T> {
  entries: readonly T[];
  nextPageToken: string;
}

/** A list that is read as far as the user wants. */
export class PagedList<T> {
  readonly #entries = signal<readonly T[] | undefined>(undefined);
  readonly #next = signal("");
  readonly #busy = signal(false);
  readonly #error = signal("");

  /** What could not be read last, and what is shown before it. */
  #failed: { pageToken: string; before: readonly T[] } | undefined;

  /** The entries read so far, or `undefined` before the first answer. */
  readonly entries: ReadonlySignal<readonly T[] | undefined> = this.#entries;
  /** The token of the next page; empty if there is none. */
  readonly next: ReadonlySignal<string> = this.#next;
  /** Whether an answer is awaited. */
  readonly busy: ReadonlySignal<boolean> = this.#busy;
  /** What went wrong last; empty if nothing did. */
  readonly error: ReadonlySignal<string> = this.#error;

  constructor(private readonly fetchPage: (pageToken: string) => Promise<Page<T>>) {}

  /** Reads the list again from the start. */
  async reload(): Promise<void> {
    await this.#read("", []);
  }

  /** Reads the next page. */
  async more(): Promise<void> {
    if (this.#next.value !== "") await this.#read(this.#next.value, this.#entries.value ?? []);
  }

  /** Reads again what could not be read: the next page, or the list from its start. */
  async again(): Promise<void> {
    if (this.#failed) await this.#read(this.#failed.pageToken, this.#failed.before);
  }

  /** Replaces entries in the list without reading it again. */
  replace(one: (entry: T) => boolean, now: (entry: T) => T): void {
    this.#entries.value = this.#entries.value?.map((entry) => (one(entry) ? now(entry) : entry));
  }

  async #read(pageToken: string, before: readonly T[]): Promise<void> {
    if (this.#busy.value) return;
    this.#busy.value = true;
    this.#error.value = "";
    this.#failed = undefined;
    try {
      const { entries, nextPageToken } = await this.fetchPage(pageToken);
      this.#entries.value = [...before, ...entries];
      this.#next.value = nextPageToken;
    } catch (error) {
      this.#failed = { pageToken, before };
      this.#error.value = error instanceof ApiError ? error.message : "The list could not be read. Try again.";
    } finally {
      this.#busy.value = false;
    }
  }
}
