/** Lists from several services that are shown as one. */
import type { Page } from "../parts/pages";

/** A list that is fetched page by page, newest entry first. */
export interface Source<T> {
  fetchPage: (pageToken: string) => Promise<Page<T>>;
  /** When an entry was written, in milliseconds. */
  timeOf: (entry: T) => number;
}

/** How far a source was read. */
interface Progress<T> {
  /** What was fetched and not given out yet. */
  waiting: readonly T[];
  /** The token of the next page; `undefined` if there is none. */
  next: string | undefined;
}

const BEGINNING = { waiting: [], next: "" };
const MORE = "more";

/**
 * Merges lists into one, newest entry first, a page at a time.
 *
 * An entry is given out once no source can have a newer one that was not. A page that can't be fetched changes nothing,
 * so that it can be asked for again.
 */
export class MergedPages<T> {
  #progress: readonly Progress<T>[] = [];

  constructor(private readonly sources: readonly Source<T>[]) {}

  /** Fetches the first page of the merged list for an empty token, otherwise the one after the last. */
  readonly fetchPage = async (pageToken: string): Promise<Page<T>> => {
    const from = pageToken === "" ? this.sources.map(() => BEGINNING) : this.#progress;
    const progress = await Promise.all(this.sources.map((source, index) => read(source, from[index] ?? BEGINNING)));
    const entries: T[] = [];
    for (let newest = this.#newest(progress); newest !== undefined; newest = this.#newest(progress)) {
      const { waiting, next } = newest;
      entries.push(...waiting.slice(0, 1));
      progress[progress.indexOf(newest)] = { waiting: waiting.slice(1), next };
    }
    this.#progress = progress;
    const isAll = progress.every(({ waiting, next }) => waiting.length === 0 && next === undefined);
    return { entries, nextPageToken: isAll ? "" : MORE };
  };

  /** Returns the source whose next entry is the newest; `undefined` if that is not known without a further page. */
  #newest(progress: readonly Progress<T>[]): Progress<T> | undefined {
    if (progress.some(({ waiting, next }) => waiting.length === 0 && next !== undefined)) return undefined;
    const time = (one: Progress<T>) => {
      const [entry] = one.waiting;
      const source = this.sources[progress.indexOf(one)];
      return entry === undefined || source === undefined ? Number.NEGATIVE_INFINITY : source.timeOf(entry);
    };
    const withMore = progress.filter(({ waiting }) => waiting.length > 0);
    return withMore.reduce<Progress<T> | undefined>(
      (best, one) => (best === undefined || time(one) > time(best) ? one : best),
      undefined,
    );
  }
}

/** Reads on where nothing waits to be given out. */
async function read<T>(source: Source<T>, progress: Progress<T>): Promise<Progress<T>> {
  let { waiting, next } = progress;
  while (waiting.length === 0 && next !== undefined) {
    const page = await source.fetchPage(next);
    waiting = page.entries;
    next = page.nextPageToken === "" ? undefined : page.nextPageToken;
  }
  return { waiting, next };
}
