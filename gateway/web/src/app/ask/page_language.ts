/** In which language a patron reads the page of a library (D84). */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { choose, LANGUAGES, type Language, languageOf, offered } from "../../texts/languages";
import { speak, texts } from "../../texts/texts";
import { forget, recall, remember } from "../parts/tab_storage";

/** What the tab remembers: the language alone. */
interface Kept {
  language: string;
  /** Whether the patron chose it on the page. */
  chosen: boolean;
}

/**
 * The language of one library's page: the patron's choice, else the address's, else the browser's, else the library's.
 */
export class PageLanguage {
  readonly #key: string;
  readonly #offers = signal<readonly Language[]>([]);
  readonly #failed = signal<Language | undefined>(undefined);

  /** The languages that the patron can choose from. None if there is no choice. */
  readonly offers: ReadonlySignal<readonly Language[]> = computed(() =>
    this.#offers.value.length > 1 ? this.#offers.value : [],
  );
  /** That the language which the patron has chosen could not be fetched, in words; empty if that is not so. */
  readonly failure: ReadonlySignal<string> = computed(() =>
    this.#failed.value === undefined ? "" : texts().head.languageFailed(LANGUAGES[this.#failed.value]),
  );

  /** `name` is that of the library's page. */
  constructor(name: string) {
    this.#key = `carrel.language.${name}`;
  }

  /** Shows what the tab remembers, so that a page that is loaded anew does not begin in another language. */
  async begin(): Promise<void> {
    const kept = languageOf(this.#kept()?.language ?? "");
    if (kept !== undefined) await speak(kept);
  }

  /** Shows the language that suits the patron and the library. */
  async settle({ languages }: Library): Promise<void> {
    this.#offers.value = offered(languages);
    const suitable = choose(this.#offers.value, this.#wishes());
    // One that could not be fetched this time is still the patron's choice after a reload.
    if ((await speak(suitable)) === "shown") this.#keep(suitable, this.#kept()?.chosen ?? false);
  }

  /** Shows the patron's language when nothing is known of the library. */
  async guess(): Promise<void> {
    await speak(choose(Object.keys(LANGUAGES) as Language[], [...this.#wishes(), "en"]));
  }

  /** Takes in which language the patron has chosen. */
  async select(wanted: Language): Promise<void> {
    // Taken away first, so that it is read out again if it fails again.
    this.#failed.value = undefined;
    const came = await speak(wanted);
    if (came === "shown") this.#keep(wanted, true);
    if (came === "failed") this.#failed.value = wanted;
  }

  /** Forgets what was chosen: the next one at this computer may read another language (D78). */
  forget(): void {
    forget(this.#key);
    this.#failed.value = undefined;
  }

  /** The language that the page's address asks for; empty if it asks for none. */
  get inAddress(): string {
    return new URLSearchParams(location.search).get("lang") ?? "";
  }

  #wishes(): readonly string[] {
    const kept = this.#kept();
    return [kept?.chosen ? kept.language : "", this.inAddress, ...navigator.languages];
  }

  #kept(): Kept | undefined {
    return recall(this.#key, isKept);
  }

  #keep(shown: Language, chosen: boolean): void {
    remember(this.#key, { language: shown, chosen } satisfies Kept);
  }
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== "object" || value === null) return false;
  const { language: code, chosen } = value as Partial<Kept>;
  return typeof code === "string" && typeof chosen === "boolean";
}
