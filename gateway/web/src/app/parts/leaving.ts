/** The question before a page is left or reloaded while something on it would be lost. */
import type { SessionView } from "../../state/session";
import type { PatronChat } from "../ask/chat";
import type { Desk } from "../desk/desk";
import { wordsOf } from "./taking_back";

/** Makes the browser ask, in its own words, before it leaves the page while something is unsent. */
export function askBeforeLeaving(isUnsent: () => boolean): void {
  addEventListener("beforeunload", (event) => {
    if (isUnsent()) event.preventDefault();
  });
}

/** Whether leaving the page would lose something that the patron has typed or sent. */
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
      return isTyped(chat) || (view !== undefined && (isSending(view) || hasWords(view)));
  }
}

/** Whether a patron has typed something that is gone when the page is left. */
function isTyped(chat: PatronChat): boolean {
  const lost = chat.returning.isDraftKept ? chat.asking.value.question : chat.unsent.value;
  return lost.trim() !== "";
}

/** Whether a librarian has typed something and neither sent nor saved it. */
export function hasDrafts(desk: Desk): boolean {
  return desk.drafts.any || desk.im.hasDrafts || desk.scripts.isBegun || desk.transfers.hasReasons;
}

/** Whether this page has text of a librarian that exists nowhere else: typed, in flight or refused. */
export function hasUnsentWords(desk: Desk): boolean {
  return hasDrafts(desk) || hasWordsSent(desk);
}

/** Whether leaving the page would lose something that a librarian has typed or sent. */
export function isDeskUnsent(desk: Desk): boolean {
  const isTyped = desk.keptDrafts.isAnyLost || desk.scripts.isBegun || desk.transfers.hasReasons;
  return isTyped || hasWordsSent(desk) || sessionsOf(desk).some(isSending);
}

/** Whether there is text in flight, or refused. */
function hasWordsSent(desk: Desk): boolean {
  const threads = [...desk.im.conversations.value.threads.values()];
  return sessionsOf(desk).some(hasWords) || threads.some(({ outgoing }) => outgoing.some(isUnsent));
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
