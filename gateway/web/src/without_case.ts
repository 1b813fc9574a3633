/** When two texts are the same but for upper and lower case: for the pages as for the services (D65). */

/**
 * Returns a text in lower case: two texts are the same but for case if this is the same of both. It is for comparing
 * and finding, not for showing: a Greek sigma is always written as within a word, since the end of a word may be no end
 * in the text in which it is looked for. The language of the browser plays no part, as a library's list is the same for
 * all.
 */
export function withoutCase(text: string): string {
  return text.toLowerCase().replaceAll("ς", "σ");
}
