/** What a library says itself, in the patron's language where it does, and else in its own (D57, D84). */
import type { Library, Translation, WaitingMessage } from "../../gen/carrel/directory/v1/directory_service_pb";
import { type Language, offered } from "../../texts/languages";

/** A text, and the language that it is in. */
export interface OwnText {
  text: string;
  language: Language;
}

/** Returns the language of what a library says without naming one. */
export function ownLanguage({ languages }: Library): Language {
  return offered(languages)[0] ?? "en";
}

/**
 * Returns one of a library's texts for a patron who reads a language. Undefined if the library does not say it at all.
 */
export function inLanguage(
  library: Library,
  field: Exclude<keyof Translation, "$typeName" | "$unknown" | "language">,
  wanted: Language,
): OwnText | undefined {
  const translated = library.translations.find(({ language }) => language === wanted)?.[field];
  if (translated) return { text: translated, language: wanted };
  const own = library[field];
  return own === "" ? undefined : { text: own, language: ownLanguage(library) };
}

/** Returns the messages for a patron who waits: those in their language, or in the library's own if there are none. */
export function waitingMessages(library: Library, wanted: Language): readonly WaitingMessage[] {
  const own = ownLanguage(library);
  const inOne = (code: Language) => library.waitingMessages.filter(({ language }) => (language || own) === code);
  const messages = inOne(wanted);
  return messages.length > 0 ? messages : inOne(own);
}
