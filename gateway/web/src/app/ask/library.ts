/** The library of a patron page: its name and what it tells its patrons. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, library as fetchLibrary } from "../../api";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { texts, type Words } from "../../texts/texts";
import type { PageLanguage } from "./page_language";

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
      // Nothing of the library is shown before it is shown in the patron's language.
      if (library !== undefined) await this.language.settle(library);
      if (this.practice && library?.practice === false) {
        this.#error.value = () => texts().page.noPractice(library.name);
        return;
      }
      this.#facts.value = library;
      this.#error.value = undefined;
    } catch (error) {
      await this.language.guess();
      this.#error.value = () => whyUnread(error);
    } finally {
      this.#reading = false;
    }
  }
}

function whyUnread(error: unknown): string {
  const { broken, noSuchLibrary } = texts().page;
  if (!(error instanceof ApiError)) return broken;
  return error.status === 404 ? noSuchLibrary : error.message;
}
