/** The form that a patron fills in, and what is wrong with it. */
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import { wrongWith } from "../../refusal_words";
import type { Words } from "../../texts/texts";

/** What the patron has typed into the form. */
export interface Asking {
  question: string;
  name: string;
  email: string;
}

/** What is wrong with the form, field by field. */
export type WrongFields = Partial<Record<keyof Asking, Words>>;

/** An empty form. */
export const NOTHING_ASKED: Asking = { question: "", name: "", email: "" };

/** The fields of the form, in order, with the server's names for them. */
const FIELDS: readonly [keyof Asking, string][] = [
  ["question", "question"],
  ["name", "patron_name"],
  ["email", "patron_email"],
];

/** Returns what a refusal says about the fields of the form. */
export function wrongFields(refusal: Refusal | undefined): WrongFields {
  const wrong: WrongFields = {};
  for (const [field, path] of FIELDS) {
    if (wrongWith(refusal, path) !== undefined) wrong[field] = () => wrongWith(refusal, path) ?? "";
  }
  return wrong;
}

/** Returns the first field that is wrong, if any. */
export function firstWrong(wrong: WrongFields): keyof Asking | undefined {
  return FIELDS.find(([field]) => wrong[field] !== undefined)?.[0];
}
