/** The library of a patron page: its name and what it tells its patrons. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, library as fetchLibrary } from "../../api";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { texts, type Words } from "../../texts/texts";
import type { PageLanguage } from "./page_language";

/** How long the page waits for the words of the patron's language before it goes on in the one that it has. */
const LANGUAGE_PATIENCE = 3_000;

/** What a page knows of its library. */
export class PatronLibrary {
  readonly #facts = signal<Library | undefined>(undefined);
  readonly #error = signal<Words | undefined>(undefined);
  #reading = false;

  /** The library, once it could be read. */
  readonly facts: ReadonlySignal<Library | undefined> = this.#facts;
  /** Why it could not be read, in words for the patron; empty if nothing went wrong. */
  readonly error: ReadonlySignal<string> = computed(() => this.#error.value?.() ?? "");

  /** `practice` is whether the page is for practice (D36). */
  constructor(
    private readonly institutionId: string,
    private readonly practice: boolean,
    private readonly language: PageLanguage,
  ) {}

  /** Reads the library, unless it is being read already. */
  async read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      const { library } = await fetchLibrary(this.institutionId);
      // Nothing of the library is shown before it can be shown in the patron's language, unless that takes too long.
      if (library !== undefined) await atMost(LANGUAGE_PATIENCE, this.language.settle(library));
      if (this.practice && library?.practice === false) {
        this.#error.value = () => texts().page.noPractice(library.name);
        return;
      }
      this.#facts.value = library;
      this.#error.value = undefined;
    } catch (error) {
      await atMost(LANGUAGE_PATIENCE, this.language.guess());
      this.#error.value = () => whyUnread(error);
    } finally {
      this.#reading = false;
    }
  }
}

/** Waits until something is done, but no longer than so many milliseconds: it goes on all the same. */
async function atMost(ms: number, done: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}

function whyUnread(error: unknown): string {
  const { broken, noSuchLibrary } = texts().page;
  if (!(error instanceof ApiError)) return broken;
  return error.status === 404 ? noSuchLibrary : error.message;
}
