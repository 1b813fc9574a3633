import type { Desk } from "../../app/desk/desk";
import { waitingCount } from "../../state/lists";
import { Hidden } from "../parts/hidden";
import { Icon } from "../parts/icon";

/**
 * Marks the Patron Chat tab while another tab is open: how many patrons wait, and how many sessions have unseen events.
 */
export function ChatMark({ desk }: { desk: Desk }) {
  const words = newsWords(desk, "");
  if (words === "" || desk.tab.value === "chat") return null;
  return <TabNumber number={waitingCount(desk.lists.value) + unread(desk, "")} words={words} />;
}

/** A number beside the name of a tab in the head, which has no room for words; they are for screen readers. */
export function TabNumber({ number, words }: { number: number; words: string }) {
  return (
    <span class="tab-mark" title={words}>
      <span aria-hidden="true">{number}</span>
      <Hidden>{words}</Hidden>
    </span>
  );
}

/** Leads from a session back to the lists, where there is room for only one of them, and says what is new there. */
export function BackToLists({ desk, from }: { desk: Desk; from: string }) {
  const words = newsWords(desk, from);
  return (
    <button
      type="button"
      class="icon-button back"
      aria-label={words === "" ? "Back to the lists" : `Back to the lists: ${words}`}
      onClick={() => desk.unselect()}
    >
      <Icon name="back" />
      {words !== "" && (
        <span class="badge" aria-hidden="true">
          {waitingCount(desk.lists.value) + unread(desk, from)}
        </span>
      )}
    </button>
  );
}

/** Returns "1 waiting, 2 unread", or an empty text: the waiting patrons, and the unread sessions but for one. */
function newsWords(desk: Desk, besides: string): string {
  const [patrons, sessions] = [waitingCount(desk.lists.value), unread(desk, besides)];
  return [patrons > 0 ? `${patrons} waiting` : "", sessions > 0 ? `${sessions} unread` : ""].filter(Boolean).join(", ");
}

function unread(desk: Desk, besides: string): number {
  return desk.unread.sessions.value.filter((view) => view.sessionId !== besides).length;
}
