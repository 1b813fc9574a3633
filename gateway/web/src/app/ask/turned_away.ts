/** Why a patron's question was not taken, or why they cannot return to their chat, in words for the patron. */
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import { whyRefused } from "../../refusal_words";
import { StatusCode } from "../../status_code";
import { nothingHappened } from "../../wire";

/** For a patron who returns to a chat after their admission has expired. */
export const LET_IN_NO_LONGER =
  "You can't return to your chat: the library no longer lets this page in, probably because it was away for too long. Ask again to continue.";
/** For a patron who wants to go on with a chat that the browser no longer remembers. */
export const NOT_REMEMBERED =
  "You can't return to that chat: it has ended, or this browser no longer remembers it. Ask again to continue.";
/** For a patron who has just sent a question when their admission expires. */
export const NOT_TAKEN_IN_TIME =
  "The connection was lost for too long, and your question may not have got through. It is still here: send it again.";
const PERHAPS_TAKEN =
  "It is not certain whether your question got through. Send it again: it is asked only once, however often you send it.";
/** For a patron who has just sent a question from a page that the gateway rejects. */
export const PERHAPS_TAKEN_AS_IT_IS = `${PERHAPS_TAKEN} If that does not help, copy it and reload this page.`;

const NOT_TAKEN_BEFORE = "Your question had not got through when this page was left. Ask it again.";
const GONE = "You can't return to your chat: the library no longer has it. Ask again to continue.";

/** Whether the session that a page wants to return to was never opened, so that it can still be opened. */
export function isUnopened(refusal: Refusal, taken: boolean): boolean {
  return refusal.code === StatusCode.NOT_FOUND && !taken;
}

/** Returns why a patron may not return. `taken` is whether their question had been accepted. */
export function whyNoReturn(refusal: Refusal, taken: boolean): string {
  if (refusal.code !== StatusCode.NOT_FOUND) return `You can't return to your chat. ${whyRefused(refusal)}`.trim();
  return taken ? GONE : NOT_TAKEN_BEFORE;
}

/** Returns why a question was refused, and says if it may have been accepted all the same. */
export function whyNotTaken(refusal: Refusal | undefined): string {
  const why = whyRefused(refusal);
  if (refusal !== undefined && !nothingHappened(refusal)) return `${PERHAPS_TAKEN} ${why}`.trim();
  return why || "Your question did not get through. Try again.";
}
