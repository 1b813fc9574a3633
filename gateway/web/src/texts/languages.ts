/** The languages that a patron's page can be in (D84), and which of them to show. */

/** The languages by their codes, each by its own name. The directory knows the same codes. */
export const LANGUAGES = { en: "English", es: "Español", fr: "Français", de: "Deutsch" } as const;

/** The code of a language. */
export type Language = keyof typeof LANGUAGES;

/** Returns the language of a tag such as "es-MX", if it is one of them. */
export function languageOf(tag: string): Language | undefined {
  const code = tag.trim().toLowerCase().split(/[-_]/)[0] ?? "";
  return Object.hasOwn(LANGUAGES, code) ? (code as Language) : undefined;
}

/** Returns those of a library's languages that this page knows, in the library's order. An older Carrel names none. */
export function offered(codes: readonly string[]): readonly Language[] {
  const known = codes.flatMap((code) => languageOf(code) ?? []);
  return known.length > 0 ? known : ["en"];
}

/** Returns the first of the wishes that is offered, or else what the library has first. */
export function choose(offers: readonly Language[], wishes: readonly string[]): Language {
  for (const wish of wishes) {
    const language = languageOf(wish);
    if (language !== undefined && offers.includes(language)) return language;
  }
  return offers[0] ?? "en";
}

/** Returns how dates are written in a language: as the patron's browser has it, if it names the language at all. */
export function localeFor(language: Language, tags: readonly string[]): string {
  return tags.find((tag) => languageOf(tag) === language) ?? language;
}
