/** Why a patron's page does not come to where it was on its way, in words for the patron. */
import type { Refusal } from "../gen/carrel/refusal/v1/refusal_pb";
import { whyRefused } from "../refusal_words";
import { StatusCode } from "../status_code";

/** To who returns to a chat, and is let in no longer. */
export const LET_IN_NO_LONGER =
  "You cannot return to your chat: the library no longer lets this page in, probably because it was away for too long. Ask again to go on.";
/** To who has just sent a question, and is let in no longer. */
export const NOT_TAKEN_IN_TIME =
  "The connection was lost for too long for your question to be taken. It is still here: send it again.";
/** To who has just sent a question from a page that the gateway will not have. */
export const NOT_TAKEN_AS_IT_IS =
  "Your question has not been taken. Send it again; if that does not help, copy it, reload this page and ask anew.";

const NOT_TAKEN_BEFORE = "Your question had not been taken when this page was left. Ask it again.";
const GONE = "You cannot return to your chat: the library no longer has it. Ask again to go on.";

/** Whether nobody has opened the session that a page wants to return to: it can still be opened from there. */
export function isUnopened(refusal: Refusal, taken: boolean): boolean {
  return refusal.code === StatusCode.NOT_FOUND && !taken;
}

/** Why a patron may not return. `taken` is whether the library had taken their question. */
export function whyNoReturn(refusal: Refusal, taken: boolean): string {
  if (refusal.code !== StatusCode.NOT_FOUND) return `You cannot return to your chat. ${whyRefused(refusal)}`.trim();
  return taken ? GONE : NOT_TAKEN_BEFORE;
}
