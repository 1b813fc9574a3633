import { createContext } from "preact";
import { useContext, useState } from "preact/hooks";
import type { Announcer } from "../../app/parts/announcer";

/** The page's announcer, which tells screen readers what is new. */
export const PageAnnouncer = createContext<Announcer | undefined>(undefined);

/**
 * A live region that tells screen readers what is new: they read only what is added, and the focus stays where it is
 * (D82). While a dialog is open they see nothing outside it, so each dialog has a region of its own for what is said
 * from then on.
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
