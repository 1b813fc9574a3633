import type { Desk } from "../../app/desk/desk";
import type { ListName } from "../../app/desk/place";

/** Shows a list of the Patron Chat tab, and moves the focus to its tab. */
export function goToList(desk: Desk, list: ListName): void {
  desk.tab.value = "chat";
  desk.list.value = list;
  requestAnimationFrame(() => document.getElementById(`tab-list-${list}`)?.focus());
}
