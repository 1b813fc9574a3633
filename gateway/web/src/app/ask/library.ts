/** The library of a patron page: its name and what it tells its patrons. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, library as fetchLibrary } from "../../api";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";

/** What a page knows of its library. */
export class PatronLibrary {
  readonly #facts = signal<Library | undefined>(undefined);
  readonly #error = signal("");
  #reading = false;

  /** The library, once it could be read. */
  readonly facts: ReadonlySignal<Library | undefined> = this.#facts;
  /** Why it could not be read, in words for the patron; empty if nothing went wrong. */
  readonly error: ReadonlySignal<string> = this.#error;

  /** `practice` is whether the page is for practice (D36). */
  constructor(
    private readonly institutionId: string,
    private readonly practice: boolean,
  ) {}

  /** Reads the library, unless it is being read already. */
  async read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      const { library } = await fetchLibrary(this.institutionId);
      if (this.practice && library?.practice === false) {
        this.#error.value = `${library.name} has no practice queue, so nothing can be practised on this page.`;
        return;
      }
      this.#facts.value = library;
      this.#error.value = "";
    } catch (error) {
      this.#error.value = whyUnread(error);
    } finally {
      this.#reading = false;
    }
  }
}

function whyUnread(error: unknown): string {
  if (!(error instanceof ApiError)) return "Something went wrong on this page. Reload it.";
  return error.status === 404
    ? "There is no library at this address. Check the address, or choose your library from the list."
    : error.message;
}
