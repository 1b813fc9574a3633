/** Refusals as people read them. */
import type { Refusal } from "./gen/carrel/refusal/v1/refusal_pb";
import { StatusCode } from "./status_code";
import { nothingHappened } from "./wire";

/** Returns why something was refused, in words for people: without field names, which are for programs. */
export function whyRefused(refusal: Refusal | undefined): string {
  if (refusal === undefined) return "";
  const wrong = refusal.fieldViolations.map(({ description }) => description.trim()).filter((text) => text !== "");
  return wrong.length > 0 ? wrong.map(sentence).join(" ") : refusal.message;
}

/** Returns why an act was refused, and says if it may have been done all the same. */
export function whyNotDone(refusal: Refusal): string {
  const why = whyRefused(refusal);
  return nothingHappened(refusal) ? why : `It is not certain whether this was done. ${why}`;
}

/** Returns what is wrong with one field of a request, if anything. */
export function wrongWith(refusal: Refusal | undefined, field: string): string | undefined {
  const found = refusal?.fieldViolations.find((violation) => violation.field.split(".").at(-1) === field);
  return found === undefined ? undefined : sentence(found.description.trim());
}

/** Whether what was refused is invalid, and so would be refused again if it were sent unchanged. */
export function isWrong(refusal: Refusal | undefined): boolean {
  return refusal?.code === StatusCode.INVALID_ARGUMENT;
}

/** Whether it was refused because of the state at the time. */
export function isUntimely(refusal: Refusal | undefined): boolean {
  return refusal?.code === StatusCode.FAILED_PRECONDITION;
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
