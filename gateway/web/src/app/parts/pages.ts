/** A list that is fetched page by page. */
import { batch, type ReadonlySignal, signal } from "@preact/signals";
import { ApiError } from "../../api";

/** One page of a list. */
export interface Page<T> {
  entries: readonly T[];
  nextPageToken: string;
}

/** How the entries of a list are told apart when it is brought up to date. */
export interface Updating<T> {
  /** Whether two of them are about the same thing. */
  isSame: (one: T, other: T) => boolean;
  /** Whether what is known of a thing is to give way to what was just read of it. */
  isOlder: (known: T, now: T) => boolean;
}

/** A list that is read as far as the user wants. */
export class PagedList<T> {
  readonly #entries = signal<readonly T[] | undefined>(undefined);
  readonly #news = signal<readonly T[]>([]);
  readonly #next = signal("");
  readonly #busy = signal(false);
  readonly #error = signal("");

  /** What could not be read last, and what is shown before it. */
  #failed: { pageToken: string; before: readonly T[] } | undefined;

  /** The entries read so far, or `undefined` before the first answer. */
  readonly entries: ReadonlySignal<readonly T[] | undefined> = this.#entries;
  /** The entries at its head that came since, and are not shown before the user asks: nothing moves under the pointer. */
  readonly news: ReadonlySignal<readonly T[]> = this.#news;
  /** The token of the next page; empty if there is none. */
  readonly next: ReadonlySignal<string> = this.#next;
  /** Whether an answer is awaited. */
  readonly busy: ReadonlySignal<boolean> = this.#busy;
  /** What went wrong last; empty if nothing did. */
  readonly error: ReadonlySignal<string> = this.#error;

  /** Counts the changes that an answer which is under way does not know of. */
  #changes = 0;
  /** Whether there may be further entries between the news and those that are shown. */
  #isGap = false;

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

  /**
   * Brings the list up to date by its first page, quietly: what is shown stays where it is and has the newest facts, and
   * what is new is among the `news`. If that fails, the list stays as it is.
   */
  async update(fetchFirst: () => Promise<Page<T>>, { isSame, isOlder }: Updating<T>): Promise<void> {
    if (this.#busy.value || this.#entries.value === undefined) return;
    const changes = this.#changes;
    const page = await fetchFirst().catch(() => undefined);
    // What the user has done meanwhile counts: the next time is soon enough.
    if (page === undefined || this.#busy.value || changes !== this.#changes) return;
    const shown = this.#entries.value ?? [];
    const update = (known: T) => page.entries.find((now) => isSame(known, now) && isOlder(known, now)) ?? known;
    const isKnown = (now: T) => shown.some((known) => isSame(known, now));
    const fresh = page.entries.filter((now) => !isKnown(now));
    batch(() => {
      // Nothing moves where there was nothing.
      this.#entries.value = shown.length === 0 ? page.entries : shown.map(update);
      if (shown.length === 0) this.#next.value = page.nextPageToken;
      this.#news.value = shown.length === 0 ? [] : fresh;
      this.#isGap = fresh.length === page.entries.length && page.nextPageToken !== "";
    });
  }

  /** Shows the news. If there may be more of them than are known, the list is read again from the start. */
  async showNews(): Promise<void> {
    if (this.#isGap) return await this.reload();
    batch(() => {
      this.#changes += 1;
      this.#entries.value = [...this.#news.value, ...(this.#entries.value ?? [])];
      this.#news.value = [];
    });
  }

  /** Replaces entries in the list without reading it again. */
  replace(one: (entry: T) => boolean, now: (entry: T) => T): void {
    this.#changes += 1;
    this.#entries.value = this.#entries.value?.map((entry) => (one(entry) ? now(entry) : entry));
  }

  async #read(pageToken: string, before: readonly T[]): Promise<void> {
    if (this.#busy.value) return;
    this.#busy.value = true;
    this.#error.value = "";
    this.#failed = undefined;
    try {
      const { entries, nextPageToken } = await this.fetchPage(pageToken);
      batch(() => {
        this.#changes += 1;
        this.#entries.value = [...before, ...entries];
        this.#next.value = nextPageToken;
        if (pageToken === "") this.#news.value = [];
      });
    } catch (error) {
      this.#failed = { pageToken, before };
      this.#error.value = error instanceof ApiError ? error.message : "The list could not be read. Try again.";
    } finally {
      this.#busy.value = false;
    }
  }
}
