import type { Ref } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import type { LibraryPolicy } from "../../gen/carrel/directory/v1/directory_service_pb";
import { safeAddress } from "../../links";
import type { SessionView } from "../../state/session";
import { Icon } from "../parts/icon";
import { LinkedText, OutsideLink } from "../parts/linked_text";
import { UnreadPolicies } from "./unread_policies";

interface PolicyButtonProps {
  open: boolean;
  onToggle: () => void;
  buttonRef: Ref<HTMLButtonElement>;
}

/** A button that opens and closes the policy of the patron's library, one click from the session (D37). */
export function PolicyButton({ open, onToggle, buttonRef }: PolicyButtonProps) {
  return (
    <button
      ref={buttonRef}
      type="button"
      class="button small"
      aria-expanded={open}
      aria-controls="policy"
      title="What the patron's library wants its helpers to know"
      onClick={onToggle}
    >
      <Icon name="book" /> Policy
    </button>
  );
}

interface PolicyPanelProps {
  desk: Desk;
  view: SessionView;
  onClose: () => void;
}

/**
 * What staff should know of a library (D37): at first the patron's, then any other that the librarian may help.
 * It is for staff only, and nothing in it can send any of it to the patron.
 */
export function PolicyPanel({ desk, view, onClose }: PolicyPanelProps) {
  const panel = useRef<HTMLElement>(null);
  // At once, so that Escape closes it from the start.
  useLayoutEffect(() => panel.current?.focus(), []);
  const [institutionId, setInstitutionId] = useState(view.session?.institutionId ?? "");
  const read = desk.policies.all.value;
  const policies = read ?? [];
  const policy = policies.find((one) => one.institutionId === institutionId);
  const isKnown = policies.some((one) => one.institutionId === view.session?.institutionId);
  return (
    <section
      id="policy"
      ref={panel}
      class="policy"
      tabIndex={-1}
      aria-label="Policy, staff only"
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <div class="policy-head">
        <label for="policy-library">
          <Icon name="lock" /> Policy of
        </label>
        <select
          id="policy-library"
          value={institutionId}
          onChange={(event) => setInstitutionId(event.currentTarget.value)}
        >
          {!isKnown && <option value={view.session?.institutionId ?? ""}>{view.session?.institutionName}</option>}
          {policies.map((one) => (
            <option key={one.institutionId} value={one.institutionId}>
              {one.institutionName}
            </option>
          ))}
        </select>
        <span class="note-reach">Staff only</span>
        <button type="button" class="icon-button" aria-label="Close the policy" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <UnreadPolicies desk={desk} what="The policies" />
      {read && <Facts policy={policy} />}
    </section>
  );
}

function Facts({ policy }: { policy: LibraryPolicy | undefined }) {
  const address = safeAddress(policy?.address ?? "");
  if (policy === undefined || (policy.text === "" && policy.contact === "" && address === undefined)) {
    return <p class="hint">This library has not added a policy here.</p>;
  }
  return (
    <>
      {policy.text && (
        <p class="policy-text">
          <LinkedText text={policy.text} />
        </p>
      )}
      {address && (
        <p>
          Full policy: <OutsideLink address={address}>{address}</OutsideLink>
        </p>
      )}
      {policy.contact && <p>Corrections to: {policy.contact}</p>}
    </>
  );
}
