import type { Desk } from "../../app/desk/desk";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { SessionList, type SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import { awaitedSince } from "../../state/awaited";
import { rowsOf } from "../../state/lists";
import type { SessionView } from "../../state/session";
import { newOwnerOf } from "../../state/transfer";
import { milliseconds } from "../../time";
import { nameOf, offeredTo } from "../../words";
import { Icon } from "../parts/icon";
import { EmptyList, NotKnownYet } from "./list_pane";
import { LibraryName, PracticeMark } from "./new_list";
import { AnswerWait, isPatronTyping, PatronMarks } from "./patron_marks";
import { ResolutionTag } from "./resolution";
import { NamelessQuestion } from "./row_question";
import { Row, RowName, RowTime } from "./rows";
import { putAway } from "./throw_away";
import { LeftBehind } from "./unsent";

/** The sessions that the librarian owns, and those that have ended or were handed over but are not put away yet. */
export function MineList({ desk }: { desk: Desk }) {
  const ended = desk.ended.value;
  const handedOver = desk.handedOver.value;
  const endedIds = new Set(ended.map((view) => view.sessionId));
  const rows = rowsOf(desk.lists.value, SessionList.MY_ACTIVE).filter((row) => !endedIds.has(row.sessionId));
  if (rows.length === 0 && ended.length === 0 && handedOver.length === 0) {
    return (
      <>
        {desk.lists.value.loaded ? (
          <EmptyList title="No patron with you">Pick somebody up under New, and the session stays here.</EmptyList>
        ) : (
          <NotKnownYet />
        )}
        <LeftBehind desk={desk} />
      </>
    );
  }
  return (
    <>
      <ul class="rows" aria-label="My active sessions">
        {rows.map((row) => (
          <MineRow key={row.sessionId} desk={desk} row={row} />
        ))}
      </ul>
      {handedOver.length > 0 && (
        <>
          <h2 class="rows-title">Handed over, still on your desk</h2>
          <ul class="rows" aria-label="Sessions handed over">
            {handedOver.map((view) => (
              <HandedOverRow key={view.sessionId} desk={desk} view={view} />
            ))}
          </ul>
        </>
      )}
      {ended.length > 0 && (
        <>
          <h2 class="rows-title">Ended, still on your desk</h2>
          <ul class="rows" aria-label="Ended sessions">
            {ended.map((view) => (
              <EndedRow key={view.sessionId} desk={desk} view={view} />
            ))}
          </ul>
        </>
      )}
      <LeftBehind desk={desk} />
    </>
  );
}

function MineRow({ desk, row }: { desk: Desk; row: SessionRow }) {
  const view = desk.link.sessions.value.get(row.sessionId);
  const unread = view ? desk.unread.countIn(view) : 0;
  const patron = patronOf(row);
  const typing = isPatronTyping(desk, row.sessionId);
  const last = lastLine(view, desk.isOwn);
  return (
    <Row
      name={patron}
      verb="Open the session with"
      text={last || row.question}
      selected={desk.view.value?.sessionId === row.sessionId}
      onOpen={() => desk.select(row.sessionId, "patron")}
      menu={[
        { label: "Open", onChoose: () => desk.select(row.sessionId, "patron") },
        { label: "Write a note", onChoose: () => desk.select(row.sessionId, "note") },
        { label: "Transfer …", onChoose: () => desk.transfers.open(row.sessionId) },
        { label: "End Session …", onChoose: () => desk.ask({ kind: "end", sessionId: row.sessionId }) },
      ]}
    >
      <span class="row-line">
        <RowName name={patron} />
        <RowTime now={desk.link.now} since={milliseconds(row.pickUpTime)} what="for" />
      </span>
      <span class="row-line">
        <LibraryName name={row.institutionName} elsewhere={row.institutionId !== desk.profile.value?.institutionId} />
        <PracticeMark desk={desk} queueId={row.queueId} />
        {row.transferOffer && (
          <span class="tag">
            <Icon name="transfer" /> offered to {offeredTo(row.transferOffer, desk.queueName)}
          </span>
        )}
      </span>
      <span class="row-line">
        <PatronMarks connection={row.patronConnection} typing={typing} unread={unread} />
        <AnswerWait now={desk.link.now} since={view && awaitedSince(view.events)} />
      </span>
      {last !== "" && <NamelessQuestion of={row} />}
    </Row>
  );
}

function HandedOverRow({ desk, view }: { desk: Desk; view: SessionView }) {
  const patron = patronOf(view.session);
  return (
    <Row
      class="ended-row"
      name={patron}
      verb="Open the session with"
      selected={desk.view.value?.sessionId === view.sessionId}
      onOpen={() => desk.select(view.sessionId)}
      menu={[
        { label: "Open", onChoose: () => desk.select(view.sessionId) },
        { label: "Put away", onChoose: () => putAway(desk, view.sessionId) },
      ]}
    >
      <span class="row-line">
        <RowName name={patron} />
        <span class="tag">
          <Icon name="transfer" /> now with {newOwnerOf(view) || "another librarian"}
        </span>
      </span>
      <span class="row-line">
        <span class="library">{view.session?.institutionName}</span>
      </span>
      {view.session && <NamelessQuestion of={view.session} />}
    </Row>
  );
}

function EndedRow({ desk, view }: { desk: Desk; view: SessionView }) {
  const patron = patronOf(view.session);
  const unread = desk.unread.countIn(view);
  return (
    <Row
      class="ended-row"
      name={patron}
      verb="Open the ended session with"
      selected={desk.view.value?.sessionId === view.sessionId}
      onOpen={() => desk.select(view.sessionId, "note")}
      menu={[
        { label: "Open", onChoose: () => desk.select(view.sessionId, "note") },
        { label: "Put away", onChoose: () => putAway(desk, view.sessionId) },
      ]}
    >
      <span class="row-line">
        <RowName name={patron} />
        {unread > 0 && <span class="unread">{unread} new</span>}
        <span class="tag">
          <Icon name="check" /> Ended
        </span>
      </span>
      <span class="row-line">
        <span class="library">{view.session?.institutionName}</span>
        {view.session && view.part !== Part.COLLEAGUE && <ResolutionTag desk={desk} session={view.session} />}
      </span>
      {view.session && <NamelessQuestion of={view.session} />}
    </Row>
  );
}

const WRITTEN = new Set<SessionEvent["payload"]["case"]>(["message", "note", "page"]);

/** The text that was written last, whatever other events came since, and by whom if that was not the patron. */
function lastLine(view: SessionView | undefined, isOwn: (event: SessionEvent) => boolean): string {
  const last = view?.events.findLast((event) => WRITTEN.has(event.payload.case));
  if (last === undefined) return "";
  const by = last.author?.part === Part.PATRON ? "" : `${isOwn(last) ? "You" : nameOf(last.author)}: `;
  switch (last.payload.case) {
    case "message":
      return `${by}${last.payload.value.text}`;
    case "note":
      return `Note: ${last.payload.value.text}`;
    case "page":
      return `${by}${last.payload.value.address}`;
    default:
      return "";
  }
}
