import { useEffect } from "preact/hooks";
import type { Desk } from "../../app/desk";

/**
 * Has the libraries' policies and scripts read while they are shown, and says so until they are there; and why, with a way to
 * try again, if they could not be.
 */
export function UnreadPolicies({ desk, what }: { desk: Desk; what: string }) {
  const { policies } = desk;
  // Who is back after they were cut off looks again.
  const phase = desk.link.connection.value.phase.name;
  useEffect(() => policies.look(), [policies, phase]);
  if (policies.error.value !== "") {
    return (
      <p class="notice bad" role="alert">
        {what} could not be read. {policies.error.value}{" "}
        <button
          type="button"
          class="link-button"
          onClick={(event) => {
            // The button goes with the error.
            event.currentTarget.closest("section")?.querySelector<HTMLElement>("select, input")?.focus();
            void policies.read();
          }}
        >
          Try again
        </button>
      </p>
    );
  }
  return policies.all.value === undefined ? <p class="quiet-text">Loading …</p> : null;
}
