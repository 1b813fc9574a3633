/** How languages write numbers, and which form a word takes after one. */

/**
 * The forms of a text, by the plural rules of its language. `other` is the one for all numbers that have none of their
 * own.
 */
export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** Returns a function that gives the form of a text for a number, in one language. */
export function pluralIn(language: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(language);
  return (count, forms) => forms[rules.select(count)] ?? forms.other;
}

/** Returns a function that writes a number with its separators, in one language. */
export function numberIn(language: string): (value: number) => string {
  const format = new Intl.NumberFormat(language);
  return (value) => format.format(value);
}
