/**
 * The words of this page, in the language that it is in. The chat monitor and the list of libraries stay in English.
 */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { english, type Texts } from "./english";
import { type Language, localeFor } from "./languages";

interface Spoken {
  language: Language;
  texts: Texts;
  /** How dates and times are written. Undefined: as the browser does. */
  locale: string | undefined;
}

const spoken = signal<Spoken>({ language: "en", texts: english, locale: undefined });

/** The language of the page. */
export const language: ReadonlySignal<Language> = computed(() => spoken.value.language);

/** How the page writes dates and times: undefined is the browser's own way. */
export const locale: ReadonlySignal<string | undefined> = computed(() => spoken.value.locale);

/** Returns the words of the page. What reads them while it is drawn is drawn anew in another language. */
export function texts(): Texts {
  return spoken.value.texts;
}

/** Words that are looked up when they are shown, so that they follow the language. */
export type Words = () => string;

/** The words of the other languages, each in a file of its own that is fetched when it is wanted. */
const OTHERS: Readonly<Record<Exclude<Language, "en">, () => Promise<{ texts: Texts }>>> = {
  es: () => import("./spanish"),
  fr: () => import("./french"),
  de: () => import("./german"),
};

/** Fetches the words of a language. */
async function fetched(wanted: Language): Promise<Texts> {
  return wanted === "en" ? english : (await OTHERS[wanted]()).texts;
}

/** Which language was wanted last: an earlier one that comes late is not shown. */
let wish: Language | undefined;

/** What came of a wish for a language. One is overtaken if another was wanted before its words were here. */
export type Spoke = "shown" | "overtaken" | "failed";

/** Has the page speak a language, once its words are here. If they can't be fetched, the page stays as it is. */
export async function speak(wanted: Language): Promise<Spoke> {
  wish = wanted;
  if (wanted === spoken.peek().language && spoken.peek().locale !== undefined) return "shown";
  const found = await fetched(wanted).catch(() => undefined);
  // What has become of a language that nobody waits for any more is nobody's concern.
  if (wish !== wanted) return "overtaken";
  if (found === undefined) return "failed";
  show(wanted, found);
  return "shown";
}

function show(shown: Language, words: Texts): void {
  spoken.value = { language: shown, texts: words, locale: localeFor(shown, navigator.languages) };
  document.documentElement.lang = shown;
}

/** Returns the `lang` of words in a language, where it is not the page's own. */
export function langOf(code: string | undefined): string | undefined {
  return code === undefined || code === "" || code === language.value ? undefined : code;
}
