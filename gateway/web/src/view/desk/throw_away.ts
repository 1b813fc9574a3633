/** Throws away what is typed beside the patron's box, after a question if there is something. */
import type { Desk } from "../../app/desk";

/** Throws the address of a web page away, and goes on with `then`. */
export function throwPageAway(desk: Desk, sessionId: string, then: () => void): void {
  const page = desk.drafts.of(sessionId).page.trim();
  askFirst(desk, page === "" ? "" : `You have typed the address ${page} and not sent it.`, () => {
    desk.drafts.change(sessionId, { page: "" });
    then();
  });
}

/** Throws the script away that is begun, and goes on with `then`. */
export function throwScriptAway(desk: Desk, then: () => void): void {
  const { isBegun, draft } = desk.scripts;
  const name = draft.value.name.trim();
  const script = name === "" ? "a script" : `the script ${name}`;
  askFirst(desk, isBegun ? `You have begun ${script} and not kept it.` : "", () => {
    desk.scripts.dropDraft();
    then();
  });
}

/** `text` says what would be lost, and is empty if nothing would. */
function askFirst(desk: Desk, text: string, onConfirm: () => void): void {
  if (text === "") return onConfirm();
  const title = "Throw away what you have typed?";
  desk.ask({ kind: "confirmation", of: { title, text, action: "Throw away", otherwise: "Go on writing", onConfirm } });
}
