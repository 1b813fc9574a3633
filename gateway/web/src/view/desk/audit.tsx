import { useEffect, useMemo } from "preact/hooks";
import { audit, roleChanges } from "../../api";
import type { Desk } from "../../app/desk/desk";
import { MergedPages, type Source } from "../../app/desk/merged_pages";
import { PagedList } from "../../app/parts/pages";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { dayAndTime, machineTime, milliseconds } from "../../time";
import { type AuditRow, rowOfRoleChange, rowsOfPage } from "./audit_row";
import { AuditedSessionName } from "./audited_session";
import { Paged } from "./paged";

/**
 * The library's audit: who entered, left, read, saved and erased what, and who got or lost which role. It has no text
 * of any conversation (R21, D12).
 */
export function Audit({ desk }: { desk: Desk }) {
  const isAdministrator = desk.profile.value?.role === Role.ADMINISTRATOR;
  const list = useMemo(
    () => new PagedList(new MergedPages(sourcesOf(desk, isAdministrator)).fetchPage),
    [desk, isAdministrator],
  );
  useEffect(() => void list.reload(), [list]);
  return (
    <div class="review" role="tabpanel" id="panel-audit" aria-labelledby="tab-audit">
      <Paged
        list={list}
        connected={desk.link.connection.value.phase.name === "connected"}
        title="Audit"
        lead={isAdministrator ? `${ACTS} ${ROLES}` : ACTS}
        empty="Nothing has been written to the audit yet."
      >
        {(rows) => (
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
                  {numbered(rows) && <th scope="col">No.</th>}
                  <th scope="col">When</th>
                  <th scope="col">Who</th>
                  <th scope="col">What</th>
                  <th scope="col">Session</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row, index) => (
                  // Two rows may be alike in all their fields, and a row has no state, so the index serves as its key.
                  <tr key={index}>
                    {numbered(rows) && <td>{row.number}</td>}
                    <td>
                      <time dateTime={machineTime(row.time)}>{dayAndTime(row.time)}</time>
                    </td>
                    <td>{row.who}</td>
                    <td>{row.what}</td>
                    <td>
                      {row.sessionId && (
                        <AuditedSessionName desk={desk} sessionId={row.sessionId} session={row.session} />
                      )}
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

const ACTS =
  "Who entered conference mode, left it, read a transcript of a session they were not in, saved a transcript outside of Carrel, or erased a session, and whose names were erased with time. Entries cannot be changed; each is chained to the one before. A session's name leads to its transcript (opening it is written here, too, unless you owned the session) or, while it runs, to its list.";
const ROLES = "Changes of librarians' roles are numbered by themselves: R1, R2 and so on.";

/** What the audit consists of for this user. Only administrators may read the changes of roles. */
function sourcesOf(desk: Desk, isAdministrator: boolean): Source<AuditRow>[] {
  const timeOf = ({ time }: AuditRow) => milliseconds(time) ?? 0;
  const acts: Source<AuditRow> = {
    timeOf,
    fetchPage: async (pageToken) => {
      const page = await audit(desk.accessToken, pageToken);
      return { entries: rowsOfPage(page), nextPageToken: page.nextPageToken };
    },
  };
  const roles: Source<AuditRow> = {
    timeOf,
    fetchPage: async (pageToken) => {
      const page = await roleChanges(desk.accessToken, pageToken);
      return { entries: page.changes.map(rowOfRoleChange), nextPageToken: page.nextPageToken };
    },
  };
  return isAdministrator ? [acts, roles] : [acts];
}

/** Whether the rows have numbers. A librarian who sees only their own gets none: they would tell how many there are. */
function numbered(rows: readonly AuditRow[]): boolean {
  return rows.some(({ number }) => number !== "");
}
