import type { Desk } from "../../app/desk/desk";
import type { ListName } from "../../app/desk/place";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { type AuditedSession, SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import { dayAndTime } from "../../time";
import { Hidden } from "../parts/hidden";
import { goToList } from "./go_to";

interface AuditedSessionNameProps {
  desk: Desk;
  sessionId: string;
  /** What may still be known of it. */
  session: AuditedSession | undefined;
}

/**
 * Says which session an entry of the audit is about: its patron and when they asked. It leads to the session's
 * transcript or, while it runs, to the list that it is in.
 */
export function AuditedSessionName({ desk, sessionId, session }: AuditedSessionNameProps) {
  if (session === undefined) return <code title={sessionId}>{sessionId.slice(0, 8)}</code>;
  const asked = <span class="audited-asked">asked {dayAndTime(session.openTime)}</span>;
  if (session.eraseTime !== undefined) return <>Erased, {asked}</>;
  const name = patronOf(session);
  if (session.state === SessionState.ENDED) {
    return (
      <button type="button" class="link-button" onClick={() => desk.openTranscript(session)}>
        <Hidden>Transcript of</Hidden>
        {name}, {asked}
      </button>
    );
  }
  const list = listWith(desk, sessionId);
  const [id, title] = list ?? [];
  return (
    <>
      {id === undefined ? (
        name
      ) : (
        <button type="button" class="link-button" onClick={() => goToList(desk, id)}>
          <Hidden>Running session under {title}:</Hidden>
          {name}
        </button>
      )}
      , {asked} {title && <span class="tag">under {title}</span>}
    </>
  );
}

/** The list of this page that a running session is in, with its title. */
function listWith(desk: Desk, sessionId: string): readonly [ListName, string] | undefined {
  const row = [...desk.lists.value.rows.values()].find((one) => one.sessionId === sessionId);
  switch (row?.list) {
    case SessionList.ALL:
      return ["all", "All"];
    case SessionList.MY_ACTIVE:
      return ["mine", "My Active"];
    case SessionList.NEW:
    case SessionList.OFFERED:
      return ["new", "New"];
    default:
      return undefined;
  }
}
