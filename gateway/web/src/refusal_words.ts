/** Refusals as people read them. */
import type { Refusal } from "./gen/carrel/refusal/v1/refusal_pb";
import { StatusCode } from "./status_code";
import { nothingHappened } from "./wire";

/** Why something was refused, in words for people: the names of fields are for programs, and stay out. */
export function whyRefused(refusal: Refusal | undefined): string {
  if (refusal === undefined) return "";
  const wrong = refusal.fieldViolations.map(({ description }) => description.trim()).filter((text) => text !== "");
  return wrong.length > 0 ? wrong.map(sentence).join(" ") : refusal.message;
}

/** Why an act was refused, and that it may have been done all the same if that is so. */
export function whyNotDone(refusal: Refusal): string {
  const why = whyRefused(refusal);
  return nothingHappened(refusal) ? why : `It is not certain whether this was done. ${why}`;
}

/** What is wrong with one field of a request, or nothing. */
export function wrongWith(refusal: Refusal | undefined, field: string): string | undefined {
  const found = refusal?.fieldViolations.find((violation) => violation.field.split(".").at(-1) === field);
  return found === undefined ? undefined : sentence(found.description.trim());
}

/** Whether what was refused would be refused again as it is, however often it is sent. */
export function isWrong(refusal: Refusal | undefined): boolean {
  return refusal?.code === StatusCode.INVALID_ARGUMENT;
}

/** Whether what was refused did not fit how things stood. */
export function isUntimely(refusal: Refusal | undefined): boolean {
  return refusal?.code === StatusCode.FAILED_PRECONDITION;
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
