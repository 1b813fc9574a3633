/** Moves refused text back into the box that it came from. */
import { outgoingText } from "../state/conversation";
import type { Outgoing } from "../state/session";
import type { Desk } from "./desk";
import type { Draft } from "./drafts";

/** Returns the content of a box after text was moved back into it, before what was typed since. */
export function withTakenBack(draft: string, text: string): string {
  return draft.trim() === "" ? text : `${text}\n${draft}`;
}

/** Returns the user's text in an act, if any, even if it is not shown in the conversation. */
export function wordsOf(outgoing: Outgoing): string | undefined {
  const { deed } = outgoing;
  return deed.case === "offerTransfer" ? deed.value.message || undefined : outgoingText(outgoing);
}

/** Returns the change of a librarian's drafts that moves an act's text back into its box. */
export function takenBack(
  draft: Draft,
  outgoing: Outgoing,
): Partial<Pick<Draft, "patron" | "note" | "page" | "offer">> {
  const text = wordsOf(outgoing) ?? "";
  switch (outgoing.deed.case) {
    case "offerTransfer":
      return { offer: withTakenBack(draft.offer, text) };
    case "writeNote":
      return { note: withTakenBack(draft.note, text) };
    case "pushPage":
      return { page: `${text} ${draft.page}`.trim() };
    default:
      return { patron: withTakenBack(draft.patron, text) };
  }
}

/** Moves a message, note or address back into its box at the desk, to be changed. */
export function takeBack(desk: Desk, sessionId: string, outgoing: Outgoing): void {
  desk.writing.type(sessionId, takenBack(desk.drafts.of(sessionId), outgoing));
  desk.link.input(sessionId, { kind: "discard", commandId: outgoing.commandId });
  desk.focus(outgoing.deed.case === "writeNote" ? "note" : "patron");
}
