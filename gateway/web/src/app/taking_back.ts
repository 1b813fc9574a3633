/** What was refused as it is, back in the box that it came from. */
import { outgoingText } from "../state/conversation";
import type { Outgoing } from "../state/session";
import type { Desk } from "./desk";
import type { Draft } from "./drafts";

/** What stands in a box after something was taken back into it: nothing that was typed since is lost. */
export function withTakenBack(draft: string, text: string): string {
  return draft.trim() === "" ? text : `${text}\n${draft}`;
}

/** The words that go with something that was sent, also where they do not stand in the conversation, or nothing. */
export function wordsOf(outgoing: Outgoing): string | undefined {
  const { deed } = outgoing;
  return deed.case === "offerTransfer" ? deed.value.message || undefined : outgoingText(outgoing);
}

/** What is another in a librarian's drafts once something is back in its box. */
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

/** Takes a message or a note back into its box at the desk, to be changed. */
export function takeBack(desk: Desk, sessionId: string, outgoing: Outgoing): void {
  desk.writing.type(sessionId, takenBack(desk.drafts.of(sessionId), outgoing));
  desk.link.input(sessionId, { kind: "discard", commandId: outgoing.commandId });
  desk.focus(outgoing.deed.case === "writeNote" ? "note" : "patron");
}
