import type { Desk } from "../../app/desk/desk";
import { Status } from "../../gen/carrel/presence/v1/presence_service_pb";
import { statusWord } from "../../state/roster";

const CHOICE: readonly Status[] = [Status.AVAILABLE, Status.BUSY, Status.ACCEPT_NO_NEW, Status.AWAY];

/** The sign of each status, beside its word: a full, half, struck-out or empty disc. */
const LOOK: Readonly<Record<Status, string>> = {
  [Status.UNSPECIFIED]: "unknown",
  [Status.AVAILABLE]: "available",
  [Status.BUSY]: "busy",
  [Status.ACCEPT_NO_NEW]: "no-new",
  [Status.AWAY]: "away",
};

/** A librarian's status, as a sign and in a word. */
export function StatusMark({ status }: { status: Status }) {
  return (
    <span class="status-mark">
      <span class={`status-disc ${LOOK[status] ?? "unknown"}`} aria-hidden="true" />
      {statusWord(status)}
    </span>
  );
}

/** Shows the librarian's own status, as the server has it, and lets them choose another (R19). */
export function StatusControl({ desk }: { desk: Desk }) {
  const { presence } = desk;
  const status = presence.status.value;
  return (
    <span class="status-control">
      <span class={`status-disc ${LOOK[status] ?? "unknown"}`} aria-hidden="true" />
      <select
        class="status-select"
        aria-label="Status"
        title={presence.unconfirmed.value ? "Others do not see this yet" : "Whether you take patrons, as others see it"}
        aria-busy={presence.unconfirmed.value}
        value={String(status)}
        onChange={(event) => presence.setStatus(Number(event.currentTarget.value) as Status)}
      >
        {status === Status.UNSPECIFIED && (
          <option value={String(Status.UNSPECIFIED)} disabled>
            Announcing …
          </option>
        )}
        {CHOICE.map((choice) => (
          <option key={choice} value={String(choice)}>
            {statusWord(choice)}
          </option>
        ))}
      </select>
      {presence.monitors.value > 1 && (
        <span
          class="tag"
          title="You are logged on more than once. Status and queues are the same everywhere; closing one monitor ends nothing."
        >
          {presence.monitors.value} monitors
        </span>
      )}
    </span>
  );
}
