/** Throws away what is typed and not sent; if there is anything, the user is asked first. */

import type { Desk } from "../../app/desk/desk";
import type { Confirmation } from "../../app/parts/confirmation";
import { wordsOf } from "../../app/parts/taking_back";
import type { SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";

/** Throws away the typed address of a web page, and goes on with `then`. */
export function throwPageAway(desk: Desk, sessionId: string, then: () => void): void {
  const page = desk.drafts.of(sessionId).page.trim();
  askFirst(desk, page === "" ? "" : `You have typed the address ${page} but not sent it.`, () => {
    desk.drafts.change(sessionId, { page: "" });
    then();
  });
}

/** Throws away the script that is begun, and goes on with `then`. */
export function throwScriptAway(desk: Desk, then: () => void): void {
  const { isBegun, draft } = desk.scripts;
  const name = draft.value.name.trim();
  const script = name === "" ? "a script" : `the script ${name}`;
  askFirst(desk, isBegun ? `You have begun ${script} but not kept it.` : "", () => {
    desk.scripts.dropDraft();
    then();
  });
}

/** Puts away a session that is over for the user, and with it what they have typed there that was never sent. */
export function putAway(desk: Desk, sessionId: string): void {
  const view = desk.link.sessions.value.get(sessionId);
  const isOnItsWay = view?.outgoing.some((out) => out.status !== "sent" && wordsOf(out) !== undefined);
  const patron = patronOf(view?.session, "the patron");
  const text = `What you have typed in the session with ${patron} is not sent.`;
  askFirst(desk, isOnItsWay || desk.drafts.has(sessionId) ? text : "", () => desk.dismiss(sessionId));
}

/** Throws away what is typed in a session that has gone from the desk. */
export function throwLeftBehindAway(desk: Desk, sessionId: string): void {
  const { whose } = desk.drafts.of(sessionId);
  const text = `What you have typed in the session with ${whose || "the patron"} is not sent.`;
  askFirst(desk, text, () => desk.drafts.drop(sessionId));
}

/** Throws away the reason that is typed for declining an offer, and goes on with `then`. */
export function throwReasonAway(desk: Desk, row: SessionRow, then: () => void): void {
  const isBegun = desk.transfers.reasonOf(row).trim() !== "";
  askFirst(desk, isBegun ? `You have typed a reason for declining ${patronOf(row)} but not sent it.` : "", () => {
    desk.transfers.typeReason(row, "");
    then();
  });
}

/** The question whether to throw away what is typed. `text` says what would be lost. */
export function throwingAway(text: string, onConfirm: () => void): Confirmation {
  const title = "Throw away what you have typed?";
  return { title, text, action: "Throw away", otherwise: "Keep writing", onConfirm };
}

/** Asks before it goes on, unless `text` is empty because nothing would be lost. */
function askFirst(desk: Desk, text: string, onConfirm: () => void): void {
  if (text === "") onConfirm();
  else desk.ask({ kind: "confirmation", of: throwingAway(text, onConfirm) });
}
