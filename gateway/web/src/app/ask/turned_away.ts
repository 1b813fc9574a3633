/** Why a patron's question was not taken, or why they cannot return to their chat, in words for the patron. */
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import { whyRefused } from "../../refusal_words";
import { StatusCode } from "../../status_code";
import { texts } from "../../texts/texts";
import { nothingHappened } from "../../wire";

/** Whether the session that a page wants to return to was never opened, so that it can still be opened. */
export function isUnopened(refusal: Refusal, taken: boolean): boolean {
  return refusal.code === StatusCode.NOT_FOUND && !taken;
}

/** Returns why a patron may not return. `taken` is whether their question had been accepted. */
export function whyNoReturn(refusal: Refusal, taken: boolean): string {
  const { noReturn, gone, notTakenBefore } = texts().turnedAway;
  if (refusal.code !== StatusCode.NOT_FOUND) return `${noReturn} ${whyRefused(refusal)}`.trim();
  return taken ? gone : notTakenBefore;
}

/** Returns why a question was refused, and says if it may have been accepted all the same. */
export function whyNotTaken(refusal: Refusal | undefined): string {
  const why = whyRefused(refusal);
  if (refusal !== undefined && !nothingHappened(refusal)) return `${texts().turnedAway.perhapsTaken} ${why}`.trim();
  return why || texts().turnedAway.notTaken;
}
