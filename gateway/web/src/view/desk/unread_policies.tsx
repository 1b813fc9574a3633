import { useEffect } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";

/**
 * Reads the libraries' policies and scripts while they are shown, and says "Loading …" until they are there. If they
 * could not be read, it says why and offers another try.
 */
export function UnreadPolicies({ desk, what }: { desk: Desk; what: string }) {
  const { policies } = desk;
  // Looks again when the connection is back.
  const phase = desk.link.connection.value.phase.name;
  useEffect(() => policies.look(), [policies, phase]);
  if (policies.error.value !== "") return <NotRead desk={desk} what={what} />;
  return policies.all.value === undefined ? <p class="quiet-text">Loading …</p> : null;
}

/** Says why something of the libraries could not be read, if that is so, and offers another try. */
export function NotRead({ desk, what }: { desk: Desk; what: string }) {
  const { policies } = desk;
  if (policies.error.value === "") return null;
  return (
    <p class="notice bad" role="alert">
      {what} could not be read. {policies.error.value}{" "}
      <button
        type="button"
        class="link-button"
        onClick={(event) => {
          // The button disappears with the error.
          event.currentTarget.closest("section, form")?.querySelector<HTMLElement>("select, input")?.focus();
          void policies.read();
        }}
      >
        Try again
      </button>
    </p>
  );
}
