/** What was refused as it is, back in the box that it came from. */
import { outgoingText } from "../state/conversation";
import type { Outgoing } from "../state/session";
import type { Desk } from "./desk";

/** What stands in a box after something was taken back into it: nothing that was typed since is lost. */
export function withTakenBack(draft: string, text: string): string {
  return draft.trim() === "" ? text : `${text}\n${draft}`;
}

/** Takes a message or a note back into its box at the desk, to be changed. */
export function takeBack(desk: Desk, sessionId: string, outgoing: Outgoing): void {
  const box = outgoing.deed.case === "writeNote" ? "note" : "patron";
  const text = withTakenBack(desk.drafts.of(sessionId)[box], outgoingText(outgoing) ?? "");
  desk.writing.type(sessionId, { [box]: text });
  desk.link.input(sessionId, { kind: "discard", commandId: outgoing.commandId });
  desk.focus(box);
}
