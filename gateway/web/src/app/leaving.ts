/** Asks before a page is left or reloaded with something on it that would be lost. */
import type { SessionView } from "../state/session";
import type { Desk } from "./desk";
import type { PatronChat } from "./patron_chat";
import { wordsOf } from "./taking_back";

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
      return chat.unsent.value.trim() !== "" || (view !== undefined && (isSending(view) || hasWords(view)));
  }
}

/** Whether a librarian has typed something and not sent or kept it. */
export function hasDrafts(desk: Desk): boolean {
  return desk.drafts.any || desk.im.hasDrafts || desk.scripts.isBegun || desk.transfers.hasReasons;
}

/** Whether words of a librarian stand on this page and nowhere else: typed, on their way, or refused. */
export function hasUnsentWords(desk: Desk): boolean {
  const threads = [...desk.im.conversations.value.threads.values()];
  return hasDrafts(desk) || sessionsOf(desk).some(hasWords) || threads.some(({ outgoing }) => outgoing.some(isUnsent));
}

/** Whether something that a librarian has typed or sent would be lost with the page. */
export function isDeskUnsent(desk: Desk): boolean {
  return hasUnsentWords(desk) || sessionsOf(desk).some(isSending);
}

function sessionsOf(desk: Desk): SessionView[] {
  return [...desk.link.sessions.value.values()];
}

function hasWords({ outgoing }: SessionView): boolean {
  return outgoing.some((out) => isUnsent(out) && wordsOf(out) !== undefined);
}

function isUnsent({ status }: { status: string }): boolean {
  return status !== "sent";
}

function isSending({ outgoing }: SessionView): boolean {
  return outgoing.some(({ status }) => status === "sending");
}
