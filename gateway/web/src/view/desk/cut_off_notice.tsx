import type { Desk } from "../../app/desk/desk";

/**
 * Says in a session that the desk has been cut off for a while: what is shown may have changed, and what is written is
 * not lost (K9, D60). It has no role of its own, since the head of the desk says it to screen readers.
 */
export function CutOffNotice({ desk }: { desk: Desk }) {
  if (!desk.cutOff.isOverdue.value) return null;
  return (
    <p class="notice warn">
      The desk is not connected. You see the session as it was then; what you send is kept, and goes out when the
      connection is back.
      {desk.link.connection.value.phase.name === "waiting" && (
        <>
          {" "}
          <button type="button" class="link-button" onClick={() => desk.link.tryNow()}>
            Try now
          </button>
        </>
      )}
    </p>
  );
}
