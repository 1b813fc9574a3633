import type { Announcer } from "../../app/announcer";

/** Where screen readers hear what is new: only what is added is read, and the focus stays where it is (D82). */
export function Announcements({ announcer }: { announcer: Announcer }) {
  return (
    <div class="visually-hidden" role="status" aria-live="polite" aria-atomic="false" aria-relevant="additions">
      {announcer.said.value.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
