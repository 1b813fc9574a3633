/** What a row of the audit says. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Role, type RoleChange, RoleChangeMeans } from "../../gen/carrel/directory/v1/directory_service_pb";
import {
  AuditAct,
  type AuditEntry,
  type AuditedSession,
  type ListAuditEntriesResponse,
} from "../../gen/carrel/session/v1/session_service_pb";

/** A row of the audit. */
export interface AuditRow {
  /** Its number, or an empty string for who is not told it. */
  number: string;
  time: Timestamp | undefined;
  who: string;
  what: string;
  /** The session that it is about, or an empty string. */
  sessionId: string;
  /** What may still be known of that session. */
  session: AuditedSession | undefined;
}

/** Returns the rows of a page of what was done to sessions. A librarian who sees only their own is given no numbers. */
export function rowsOfPage({ entries, sessions }: ListAuditEntriesResponse): AuditRow[] {
  const known = new Map(sessions.map((session) => [session.sessionId, session]));
  return entries.map((entry) => rowOfEntry(entry, known.get(entry.sessionId)));
}

function rowOfEntry(entry: AuditEntry, session: AuditedSession | undefined): AuditRow {
  return {
    number: entry.number > 0n ? String(entry.number) : "",
    time: entry.time,
    who: entry.librarianName || "Nobody, by itself",
    what: sentenceOf(entry),
    sessionId: entry.sessionId,
    session,
  };
}

/** Returns the row of a change of a role. These are numbered by themselves, which the R says. */
export function rowOfRoleChange(change: RoleChange): AuditRow {
  const means = change.means === RoleChangeMeans.COMMAND ? "a command" : "a directory file";
  return {
    number: `R${change.number}`,
    time: change.time,
    who: `The operator, with ${means}`,
    what: roleSentenceOf(change),
    sessionId: "",
    session: undefined,
  };
}

function sentenceOf(entry: AuditEntry): string {
  switch (entry.act) {
    case AuditAct.CONFERENCE_ENTERED:
      return "Entered conference mode, having accepted the warning";
    case AuditAct.CONFERENCE_LEFT:
      return `Left conference mode${LEAVINGS[entry.detail] ?? ""}`;
    case AuditAct.TRANSCRIPT_READ:
      return entry.detail === "PATRON" ? "Read the patron's transcript" : "Read the staff transcript";
    case AuditAct.TRANSCRIPT_EXPORTED:
      return entry.detail === "PATRON" ? "Saved the patron's transcript" : "Saved the staff transcript";
    case AuditAct.SESSION_ERASED:
      return entry.detail === "RETENTION" ? "Erased the session when its time was over" : "Erased the session";
    case AuditAct.IDENTITY_ERASED:
      return "Erased the patron's name and e-mail address when their time was over";
    default:
      return entry.detail;
  }
}

const LEAVINGS: Record<string, string> = {
  LEFT: "",
  SESSION_ENDED: ": the session ended",
  CONNECTION_LOST: ": the connection was lost",
  BECAME_OWNER: ": the session became theirs",
};

function roleSentenceOf({ librarianName, logInName, roleBefore, roleAfter }: RoleChange): string {
  const name = `${librarianName} (${logInName})`;
  if (roleAfter === Role.UNSPECIFIED) return `Took ${name}, ${ROLES[roleBefore]}, out of the library's staff`;
  if (roleBefore === Role.UNSPECIFIED) return `Added ${name} to the library's staff as ${ROLES[roleAfter]}`;
  return `Made ${name} ${ROLES[roleAfter]} instead of ${ROLES[roleBefore]}`;
}

const ROLES: Record<Role, string> = {
  [Role.UNSPECIFIED]: "without a role",
  [Role.LIBRARIAN]: "a librarian",
  [Role.ASK_ADMINISTRATOR]: "an ask administrator",
  [Role.ADMINISTRATOR]: "an administrator",
};
