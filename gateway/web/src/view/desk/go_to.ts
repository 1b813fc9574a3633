import type { Desk } from "../../app/desk/desk";
import type { ListName } from "../../app/desk/place";

/** Where one pane is shown at a time, as in narrow.css. */
export const ONE_THING = "(max-width: 59.99rem)";

/**
 * Shows a list of the Patron Chat tab, and moves the focus to its tab. Where a session would hide it, that is put away.
 */
export function goToList(desk: Desk, list: ListName): void {
  if (matchMedia(ONE_THING).matches) desk.unselect();
  desk.tab.value = "chat";
  desk.list.value = list;
  requestAnimationFrame(() => document.getElementById(`tab-list-${list}`)?.focus());
}
