import type { Desk } from "../../app/desk/desk";
import { SessionList, type SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import { rowsOf } from "../../state/lists";
import { shares } from "../../state/roster";
import { isOnItsWay } from "../../state/session";
import { milliseconds } from "../../time";
import { nameOf } from "../../words";
import { Icon } from "../parts/icon";
import { EmptyList, NotKnownYet } from "./list_pane";
import { PracticeMark } from "./new_list";
import { isPatronTyping, PatronMarks } from "./patron_marks";
import { QueueFacts } from "./queue_lines";
import { BeginningOnly } from "./row_question";
import { Row, RowName, RowTime } from "./rows";

/** What opening a session does not do yet (S4). */
const NOT_YET_INSIDE = "You do not enter until you have read the warning and pressed OK.";

/** The running sessions of the library's own patrons that other librarians own (S4 to S6). */
export function AllList({ desk }: { desk: Desk }) {
  const rows = rowsOf(desk.lists.value, SessionList.ALL);
  if (!desk.lists.value.loaded) return <NotKnownYet />;
  return (
    <>
      <WaitingUnseen desk={desk} />
      {rows.length === 0 && (
        <EmptyList title="No session is running">
          When another librarian helps a patron of {desk.profile.value?.institutionName || "your library"}, the session
          appears here.
        </EmptyList>
      )}
      {rows.length > 0 && (
        <ul class="rows" aria-label="All sessions of your patrons">
          {rows.map((row) => (
            <AllRow key={row.sessionId} desk={desk} row={row} />
          ))}
        </ul>
      )}
    </>
  );
}

/** Tells a supervisor of patrons of the library who wait in queues that the supervisor does not watch. */
function WaitingUnseen({ desk }: { desk: Desk }) {
  const watched = desk.presence.own.value?.queueIds ?? [];
  const unseen = (desk.profile.value?.queues ?? []).filter(
    ({ queueId, primary }) =>
      primary && !watched.includes(queueId) && (desk.presence.queues.value.get(queueId)?.waiting ?? 0) > 0,
  );
  if (unseen.length === 0) return null;
  return (
    <div class="waiting-unseen">
      <ul class="queue-lines" aria-label="Patrons who wait in queues that you do not watch">
        {unseen.map(({ queueId, name }) => (
          <li key={queueId} class="queue-line">
            <strong>{name}</strong>
            <QueueFacts desk={desk} queueId={queueId} />
          </li>
        ))}
      </ul>
      <button type="button" class="button small" onClick={() => desk.ask({ kind: "queues" })}>
        Watch …
      </button>
    </div>
  );
}

function AllRow({ desk, row }: { desk: Desk; row: SessionRow }) {
  const patron = patronOf(row);
  const owner = nameOf(row.owner);
  const view = desk.link.sessions.value.get(row.sessionId);
  const isHere = (view?.wanted ?? false) || row.callerInside;
  const entering = isOnItsWay(view, "enterConference");
  const enter = () => {
    if (!entering) desk.openFromAll(row);
  };
  const librarian = desk.presence.roster.value.librarians.get(row.owner?.librarianId ?? "");
  // A supervisor may want to write to the librarian in private (S37).
  const im =
    librarian && shares(librarian)
      ? [{ label: `Start IM Session with ${owner}`, onChoose: () => desk.im.start(librarian) }]
      : [];
  const unread = view ? desk.unread.countIn(view) : 0;
  return (
    <Row
      name={patron}
      verb={`${isHere ? "Show" : "Enter"} the session with`}
      selected={desk.view.value?.sessionId === row.sessionId}
      busy={entering}
      onOpen={enter}
      menu={
        isHere
          ? [
              { label: "Show", onChoose: () => desk.select(row.sessionId, "note") },
              { label: "Leave Session", onChoose: () => desk.leave(row.sessionId) },
              ...im,
            ]
          : [{ label: "Enter in conference mode …", onChoose: enter }, ...im]
      }
      text={row.question}
      told={isHere ? undefined : NOT_YET_INSIDE}
      preview={
        <>
          <p class="preview-question">{row.question}</p>
          <BeginningOnly row={row} />
          {!isHere && <p class="hint">{NOT_YET_INSIDE}</p>}
        </>
      }
    >
      <span class="row-line">
        <RowName name={patron} />
        <RowTime now={desk.link.now} since={milliseconds(row.pickUpTime ?? row.openTime)} what="for" />
      </span>
      <span class="row-line">
        <span>
          {row.owner ? `with ${owner}` : "lost their librarian, waiting again"}{" "}
          {row.owner?.institutionName && <span class="author-library">{row.owner.institutionName}</span>}
        </span>
        {entering && <span class="tag">Entering …</span>}
      </span>
      <span class="row-line">
        <span class="library">{row.institutionName}</span>
        <PracticeMark desk={desk} queueId={row.queueId} />
        <PatronMarks connection={row.patronConnection} typing={isPatronTyping(desk, row.sessionId)} unread={unread} />
      </span>
      <Inside row={row} me={desk.profile.value?.librarianId} />
    </Row>
  );
}

/** Says which colleagues are inside (R5). */
function Inside({ row, me }: { row: SessionRow; me: string | undefined }) {
  const others = row.inside.filter((person) => person.librarianId !== me).map((person) => nameOf(person));
  const names = row.callerInside ? ["you", ...others] : others;
  if (names.length === 0) return null;
  return (
    <span class="inside">
      <Icon name="eye" /> Inside: {names.join(", ")}
    </span>
  );
}
