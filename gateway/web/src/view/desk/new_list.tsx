import { useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { PatronConnection } from "../../gen/carrel/session/v1/session_pb";
import type { SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import { type Departure, isWaitedFor, type SortKey, waitingLines } from "../../state/lists";
import { milliseconds } from "../../time";
import { nameOf } from "../../words";
import { Icon } from "../parts/icon";
import { EmptyList, NotKnownYet } from "./list_pane";
import { foreignLanguage } from "./patron_language";
import { ConnectionState } from "./patron_marks";
import { BeginningOnly, isBeginning, withAdded } from "./row_question";
import { Row, RowName, RowTime } from "./rows";
import { OfferedList } from "./transfer_offers";

const SORTS: readonly [SortKey, string][] = [
  ["waiting", "Waiting"],
  ["patron", "Patron"],
  ["library", "Library"],
];

/** The sessions offered to the librarian, and the patrons who wait. The first to open a row gets the patron (D28). */
export function NewList({ desk }: { desk: Desk }) {
  return (
    <>
      <OfferedList desk={desk} />
      <WaitingList desk={desk} />
    </>
  );
}

function WaitingList({ desk }: { desk: Desk }) {
  const [sort, setSort] = useState<SortKey>("waiting");
  const [reverse, setReverse] = useState(false);
  const lists = desk.lists.value;
  const me = desk.profile.value?.librarianId;
  const lines = waitingLines(lists, sort, reverse).filter((line) => line.departure?.pickedUpBy?.librarianId !== me);
  if (lines.length === 0) return <Nobody desk={desk} />;
  return (
    <>
      <fieldset class="sorts">
        <legend class="visually-hidden">Sort by</legend>
        {SORTS.map(([key, name]) => (
          <button
            key={key}
            type="button"
            class="sort"
            aria-pressed={sort === key}
            onClick={() => {
              setReverse(sort === key && !reverse);
              setSort(key);
            }}
          >
            {name}
            {sort === key && <span aria-hidden="true">{reverse ? " ↓" : " ↑"}</span>}
            {sort === key && <span class="visually-hidden">{reverse ? ", descending" : ", ascending"}</span>}
          </button>
        ))}
      </fieldset>
      <ul class="rows" aria-label="Waiting patrons">
        {lines.map(({ row, departure }) =>
          departure ? (
            <DepartureRow key={row.sessionId} departure={departure} />
          ) : (
            <WaitingRow key={row.sessionId} desk={desk} row={row} />
          ),
        )}
      </ul>
    </>
  );
}

function WaitingRow({ desk, row }: { desk: Desk; row: SessionRow }) {
  const elsewhere = row.institutionId !== desk.profile.value?.institutionId;
  const busy = desk.isPickingUp(row.sessionId);
  const patron = patronOf(row);
  const isLost = !isWaitedFor(row);
  const language = foreignLanguage(desk, row.language);
  return (
    <Row
      class={isLost ? "waiting-row lost" : "waiting-row"}
      name={patron}
      verb="Pick up"
      busy={busy}
      onOpen={() => desk.pickUp(row.sessionId)}
      menu={[
        { label: `Pick up ${patron}`, onChoose: () => desk.pickUp(row.sessionId) },
        {
          label: isBeginning(row) ? "Read more of the question" : "Read the whole question",
          onChoose: () => desk.ask({ kind: "question", row }),
        },
      ]}
      text={withAdded(row)}
      told={language && `The patron reads the page in ${language}.`}
      preview={<Preview desk={desk} row={row} />}
    >
      <span class="row-line">
        <RowName name={patron} />
        <RowTime
          now={desk.link.now}
          since={milliseconds(row.waitingSinceTime ?? row.openTime)}
          what={isLost ? "in the queue for" : "waiting"}
        >
          <Icon name="clock" />
        </RowTime>
      </span>
      {isLost && <LostPatron />}
      <span class="row-line">
        <LibraryName name={row.institutionName} elsewhere={elsewhere} />
        <PracticeMark desk={desk} queueId={row.queueId} />
        {row.returned && <span class="tag warn">lost their librarian, next in line</span>}
        {row.queueIds.length > 1 && (
          <span class="tag" title={`Waits in ${row.queueIds.map(desk.queueName).join(", ")}`}>
            escalated
          </span>
        )}
        {row.patronConnection === PatronConnection.AWAY && <ConnectionState connection={row.patronConnection} />}
        {busy && <span class="tag">Picking up …</span>}
      </span>
    </Row>
  );
}

/** Says of a patron in the queue that they have gone, and why the row is still here (R8, D50). */
function LostPatron() {
  return (
    <span class="row-line">
      <ConnectionState connection={PatronConnection.LOST} />
      <span class="row-lost">not counted as waiting; may still come back</span>
    </span>
  );
}

/** A library's name, with a sign if it is not the librarian's own (D31). */
export function LibraryName({ name, elsewhere }: { name: string; elsewhere: boolean }) {
  return (
    <span class={elsewhere ? "library elsewhere" : "library"}>
      {elsewhere && <Icon name="elsewhere" />}
      {name}
      {elsewhere && <span class="elsewhere-word">other library</span>}
    </span>
  );
}

/** Marks a session that is practice and no real patron's (D36). */
export function PracticeMark({ desk, queueId }: { desk: Desk; queueId: string }) {
  return desk.isPractice(queueId) ? <span class="tag practice">[Practice]</span> : null;
}

interface PreviewProps {
  desk: Desk;
  row: SessionRow;
  isRead?: boolean;
}

/**
 * What is known of a question before it is picked up (D30). With `isRead` the question is a region that can be
 * scrolled.
 */
export function Preview({ desk, row, isRead = false }: PreviewProps) {
  const language = foreignLanguage(desk, row.language);
  return (
    <>
      {isRead ? (
        <section
          class="preview-question"
          aria-label="Question"
          // A scrollable region has to be reachable by keyboard.
          // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
          tabIndex={0}
        >
          {row.question}
          <Added row={row} />
        </section>
      ) : (
        <div class="preview-question">
          {row.question}
          <Added row={row} />
        </div>
      )}
      <BeginningOnly row={row} />
      <dl class="facts">
        <div>
          <dt>Patron</dt>
          <dd>{row.patronName || "gave no name"}</dd>
        </div>
        <div>
          <dt>E-mail</dt>
          <dd>{row.patronEmail || "gave none"}</dd>
        </div>
        <div>
          <dt>Library</dt>
          <dd>{row.institutionName}</dd>
        </div>
        {language && (
          <div>
            <dt>Reads</dt>
            <dd>{language}</dd>
          </div>
        )}
      </dl>
    </>
  );
}

/** What the patron has added to the question while they wait. */
function Added({ row }: { row: SessionRow }) {
  if (row.added === "") return null;
  return (
    <div class="preview-added">
      <span class="hint">Added while waiting:</span>
      {"\n"}
      {row.added}
    </div>
  );
}

function DepartureRow({ departure }: { departure: Departure }) {
  return (
    <li class="row departure">
      <span class="row-line">
        <RowName name={patronOf(departure.row)} />
      </span>
      <span>{departureWords(departure)}</span>
    </li>
  );
}

/** Says why a patron no longer waits. */
export function departureWords({ pickedUpBy }: Departure): string {
  return pickedUpBy ? `${nameOf(pickedUpBy)} picked this patron up` : "This patron has left the queue";
}

function Nobody({ desk }: { desk: Desk }) {
  if (!desk.lists.value.loaded) return <NotKnownYet />;
  if ((desk.queueIds.value?.length ?? 0) === 0) {
    return (
      <EmptyList title="You are not watching a queue">
        Waiting patrons appear here once you watch their queue.
        <button type="button" class="button small" onClick={() => desk.ask({ kind: "queues" })}>
          Choose queues
        </button>
      </EmptyList>
    );
  }
  return (
    <EmptyList title="Nobody is waiting">The next patron appears here at once, and in the title of this tab.</EmptyList>
  );
}
