/** Asks before a page is left or reloaded with something on it that would be lost. */
import type { Desk } from "./desk";
import type { PatronChat } from "./patron_chat";

/** Has the browser ask before it leaves the page while something is unsent. It decides itself with what words. */
export function askBeforeLeaving(isUnsent: () => boolean): void {
  addEventListener("beforeunload", (event) => {
    if (isUnsent()) event.preventDefault();
  });
}

/** Whether something that a patron has typed or sent would be lost with the page. */
export function isChatUnsent(chat: PatronChat): boolean {
  const view = chat.view.value;
  switch (chat.stage.value) {
    case "form":
      return chat.asking.value.question.trim() !== "";
    case "ended":
    case "lost":
      // Nothing can be sent any more, and the page says so.
      return false;
    default:
      return chat.draft.value.trim() !== "" || (view !== undefined && isSending(view));
  }
}

/** Whether a librarian has typed something and not sent or kept it. */
export function hasDrafts(desk: Desk): boolean {
  return desk.drafts.any || desk.im.hasDrafts || desk.scripts.isBegun || desk.transfers.hasReasons;
}

/** Whether something that a librarian has typed or sent would be lost with the page. */
export function isDeskUnsent(desk: Desk): boolean {
  return (
    hasDrafts(desk) ||
    [...desk.link.sessions.value.values()].some(isSending) ||
    [...desk.im.conversations.value.threads.values()].some(isSending)
  );
}

function isSending({ outgoing }: { outgoing: readonly { status: string }[] }): boolean {
  return outgoing.some(({ status }) => status === "sending");
}
