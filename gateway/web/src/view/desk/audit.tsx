import { useEffect, useMemo } from "preact/hooks";
import { audit } from "../../api";
import type { Desk } from "../../app/desk";
import { PagedList } from "../../app/pages";
import { AuditAct, type AuditEntry } from "../../gen/carrel/session/v1/session_service_pb";
import { dayAndTime, machineTime } from "../../time";
import { Paged } from "./paged";

/** The library's audit: who entered, left and read what. It has no text of any conversation (R21, D12). */
export function Audit({ desk }: { desk: Desk }) {
  const list = useMemo(
    () =>
      new PagedList<AuditEntry>(async (pageToken) => {
        const page = await audit(desk.accessToken, pageToken);
        return { entries: page.entries, nextPageToken: page.nextPageToken };
      }),
    [desk],
  );
  useEffect(() => void list.reload(), [list]);
  return (
    <div class="review" role="tabpanel" id="panel-audit" aria-labelledby="tab-audit">
      <Paged
        list={list}
        title="Audit"
        lead="Who entered conference mode, left it, read a transcript of a session they were not in, saved a transcript outside of Carrel, or erased a session. Entries cannot be changed; each is chained to the one before."
        empty="Nothing has been written to the audit yet."
      >
        {(entries) => (
          <section
            class="table-frame"
            aria-label="Entries"
            // A scrollable region has to be reachable by keyboard.
            // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
            tabIndex={0}
          >
            <table class="audit">
              <thead>
                <tr>
                  {numbered(entries) && <th scope="col">No.</th>}
                  <th scope="col">When</th>
                  <th scope="col">Who</th>
                  <th scope="col">What</th>
                  <th scope="col">Session</th>
                </tr>
              </thead>
              <tbody>
                {entries.map((entry, index) => (
                  // Two entries may be alike in all their fields, and a row has no state, so the index serves as its key.
                  <tr key={index}>
                    {numbered(entries) && <td>{String(entry.number)}</td>}
                    <td>
                      <time dateTime={machineTime(entry.time)}>{dayAndTime(entry.time)}</time>
                    </td>
                    <td>{entry.librarianName || "Nobody, by itself"}</td>
                    <td>{sentenceOf(entry)}</td>
                    <td>
                      <code title={entry.sessionId}>{entry.sessionId.slice(0, 8)}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </Paged>
    </div>
  );
}

/** Whether the entries have numbers. A librarian who sees only their own gets none: they would tell how many there are. */
function numbered(entries: readonly AuditEntry[]): boolean {
  return entries.some((entry) => entry.number > 0n);
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
