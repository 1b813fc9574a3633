/** Refusals as people read them. */
import type { Refusal } from "./gen/carrel/refusal/v1/refusal_pb";
import { StatusCode } from "./status_code";
import type { Refusals } from "./texts/refusals";
import { texts } from "./texts/texts";
import { nothingHappened } from "./wire";

/** Returns why something was refused, in words for people: without field names, which are for programs. */
export function whyRefused(refusal: Refusal | undefined): string {
  if (refusal === undefined) return "";
  const { refusals } = texts();
  if (refusals !== undefined) return translated(refusal, refusals);
  const wrong = refusal.fieldViolations.map(({ description }) => description.trim()).filter((text) => text !== "");
  return wrong.length > 0 ? wrong.map(sentence).join(" ") : refusal.message;
}

/** Returns why an act was refused, and says if it may have been done all the same. */
export function whyNotDone(refusal: Refusal): string {
  const why = whyRefused(refusal);
  return nothingHappened(refusal) ? why : texts().page.uncertain(why);
}

/** Returns what is wrong with one field of a request, if anything. */
export function wrongWith(refusal: Refusal | undefined, field: string): string | undefined {
  const violations = refusal?.fieldViolations ?? [];
  const found = violations.find((violation) => violation.field.split(".").at(-1) === field);
  if (refusal === undefined || found === undefined) return undefined;
  const { refusals } = texts();
  if (refusals === undefined) return sentence(found.description.trim());
  // The reason belongs to the first of them.
  return (found === violations[0] ? byReason(refusal, refusals) : undefined) ?? refusals.field;
}

/** Returns why something was refused in a language that the server does not speak. */
function translated(refusal: Refusal, refusals: Refusals): string {
  const known = byReason(refusal, refusals);
  if (known !== undefined) return known;
  if (!nothingHappened(refusal)) return refusals.unknown;
  if (refusal.fieldViolations.length > 0) return refusals.field;
  if (refusal.code === StatusCode.UNAUTHENTICATED) return refusals.UNAUTHENTICATED;
  return refusal.code === StatusCode.RESOURCE_EXHAUSTED ? refusals.RESOURCE_EXHAUSTED : refusals.other;
}

function byReason({ reason, metadata }: Refusal, refusals: Refusals): string | undefined {
  if (!Object.hasOwn(refusals, reason)) return undefined;
  const words = refusals[reason as keyof Refusals];
  return typeof words === "string" ? words : words(Number(metadata.limit) || undefined);
}

/** Returns why a request over HTTP failed, whose refusal, if there was an answer, is known. */
export function whyUnanswered(refusal: Refusal | undefined): string {
  return whyRefused(refusal) || texts().page.unreachable;
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
