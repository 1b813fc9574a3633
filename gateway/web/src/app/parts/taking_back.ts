/** Moves refused text back into the box that it came from. */
import { outgoingText } from "../../state/conversation";
import type { Outgoing } from "../../state/session";
import { nothingHappened } from "../../wire";
import type { Desk } from "../desk/desk";
import type { Draft, DraftBox } from "../desk/drafts";

/** Returns the content of a box after text was moved back into it, before what was typed since. */
export function withTakenBack(draft: string, text: string): string {
  return draft.trim() === "" ? text : `${text}\n${draft}`;
}

/** Returns the user's text in an act, if any, even if it is not shown in the conversation. */
export function wordsOf(outgoing: Outgoing): string | undefined {
  const { deed } = outgoing;
  return deed.case === "offerTransfer" ? deed.value.message || undefined : outgoingText(outgoing);
}

/** Whether an act that was not confirmed may have happened all the same. */
export function isDoubtful({ status, refusal }: Pick<Outgoing, "status" | "refusal">): boolean {
  return status !== "sent" && !nothingHappened(refusal);
}

/** Returns the change of a librarian's drafts that moves an act's text back into its box. */
export function takenBack(
  draft: Draft,
  outgoing: Outgoing,
): Partial<Pick<Draft, "patron" | "note" | "page" | "offer" | "doubtful">> {
  const text = wordsOf(outgoing) ?? "";
  const box = boxOf(outgoing);
  const doubtful = isDoubtful(outgoing) ? { doubtful: new Set(draft.doubtful).add(box) } : {};
  if (box === "page") return { page: `${text} ${draft.page}`.trim(), ...doubtful };
  return { [box]: withTakenBack(draft[box], text), ...doubtful };
}

/** Returns the box that an act's text was typed in. */
function boxOf({ deed }: Outgoing): Exclude<DraftBox, "ask"> {
  switch (deed.case) {
    case "offerTransfer":
      return "offer";
    case "writeNote":
      return "note";
    case "pushPage":
      return "page";
    default:
      return "patron";
  }
}

/** Moves a message, note or address back into its box at the desk, to be changed. */
export function takeBack(desk: Desk, sessionId: string, outgoing: Outgoing): void {
  desk.writing.type(sessionId, takenBack(desk.drafts.of(sessionId), outgoing));
  desk.link.input(sessionId, { kind: "discard", commandId: outgoing.commandId });
  desk.focus(outgoing.deed.case === "writeNote" ? "note" : "patron");
}
