import { createContext } from "preact";
import { useContext, useState } from "preact/hooks";
import type { Announcer } from "../../app/announcer";

/** Who says on this page what is new. */
export const PageAnnouncer = createContext<Announcer | undefined>(undefined);

/**
 * Where screen readers hear what is new: only what is added is read, and the focus stays where it is (D82). While a dialog is
 * open they know of nothing outside of it, so that each dialog has such a place, too, for what is said from then on.
 */
export function Announcements() {
  const announcer = useContext(PageAnnouncer);
  const [before] = useState(() => announcer?.said.peek().at(-1)?.id ?? 0);
  return (
    <div class="visually-hidden" role="status" aria-live="polite" aria-atomic="false" aria-relevant="additions">
      {announcer?.said.value.map(({ id, text }) => id > before && <p key={id}>{text}</p>)}
    </div>
  );
}
