import { useId, useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { offerIdOf, TRANSFER_TEXT_LIMIT } from "../../app/desk/transfer";
import type { SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import { secondsLeft } from "../../state/transfer";
import { stopwatch } from "../../time";
import { beginningOf, nameOf } from "../../words";
import { Icon } from "../parts/icon";
import { useFocusAfter } from "../parts/open_tab";
import { LibraryName, PracticeMark, Preview } from "./new_list";
import { BeginningOnly, PREVIEWED } from "./row_question";
import { Row, RowName } from "./rows";
import { throwReasonAway } from "./throw_away";

/** How many offers are shown over the page at a time. The others are in the list. */
const MOST = 3;

/** The offers that ask for an answer: boxes over the page that do not interrupt the user (D45). */
export function OfferAlerts({ desk }: { desk: Desk }) {
  const rows = desk.transfers.asking.value.slice(0, MOST);
  if (rows.length === 0) return null;
  return (
    <aside class="offers" aria-label="Transfers offered to you">
      {rows.map((row) => (
        <OfferAlert key={offerIdOf(row)} desk={desk} row={row} />
      ))}
    </aside>
  );
}

/** The selector of the button that accepts the first offer, for the shortcut that goes there. */
export const FIRST_OFFER = ".offers .offer .primary";

function OfferAlert({ desk, row }: { desk: Desk; row: SessionRow }) {
  const id = useId();
  const patron = patronOf(row);
  const from = nameOf(row.transferOffer?.from);
  const toUser = row.transferOffer?.to.case === "librarian";
  const accepting = desk.isPickingUp(row.sessionId);
  const declining = desk.transfers.isDeclining(row.sessionId);
  const offer = useRef<HTMLElement>(null);
  // The offer may lapse, or be accepted by another librarian, at any moment.
  useFocusAfter(offer);
  return (
    <section class="offer" ref={offer} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`} class="offer-title">
        <Icon name="transfer" /> {from} offers you {patron}
      </h2>
      <p class="session-facts">
        <LibraryName name={row.institutionName} elsewhere={row.institutionId !== desk.profile.value?.institutionId} />
        <PracticeMark desk={desk} queueId={row.queueId} />
        {row.transferOffer?.to.case === "queueId" && <span>to {desk.queueName(row.transferOffer.to.value)}</span>}
        <Lapse desk={desk} row={row} />
      </p>
      <p class="offer-question">{row.question}</p>
      <BeginningOnly row={row} />
      {row.transferOffer?.message && (
        <p class="offer-message">
          <strong>{from}:</strong> {row.transferOffer.message}
        </p>
      )}
      {toUser && (
        <div class="field">
          <label for={`${id}-reason`}>
            Reason, if you decline <span class="optional">optional</span>
          </label>
          <input
            id={`${id}-reason`}
            autoComplete="off"
            maxLength={TRANSFER_TEXT_LIMIT}
            value={desk.transfers.reasonOf(row)}
            onInput={(event) => desk.transfers.typeReason(row, event.currentTarget.value)}
          />
        </div>
      )}
      <div class="row-actions">
        <button
          type="button"
          class="button small primary"
          aria-label={`Accept ${patron} from ${from}`}
          aria-disabled={accepting}
          onClick={() => desk.accept(row)}
        >
          {accepting ? "Accepting …" : "Accept"}
        </button>
        {toUser && (
          <button
            type="button"
            class="button small"
            aria-label={`Decline ${patron} from ${from}`}
            aria-disabled={declining}
            onClick={() => desk.transfers.decline(row)}
          >
            {declining ? "Declining …" : "Decline"}
          </button>
        )}
        <button
          type="button"
          class="button small plain"
          aria-label={`Later: put the offer of ${patron} aside`}
          onClick={() => throwReasonAway(desk, row, () => desk.transfers.putAside(row))}
        >
          Later
        </button>
      </div>
    </section>
  );
}

/** Shows how long an offer still stands. It changes each second, so screen readers do not read it out. */
function Lapse({ desk, row }: { desk: Desk; row: SessionRow }) {
  const left = secondsLeft(row.transferOffer, desk.link.now.value);
  return (
    <span class="lapse" role="timer" aria-live="off">
      lapses in {stopwatch(left * 1_000)}
    </span>
  );
}

/** The list of the offers, above the patrons who wait. */
export function OfferedList({ desk }: { desk: Desk }) {
  const rows = desk.transfers.offered.value;
  if (rows.length === 0) return null;
  return (
    <>
      <h2 class="rows-title">Offered to you</h2>
      <ul class="rows offered-rows" aria-label="Sessions offered to you">
        {rows.map((row) => (
          <OfferedRow key={row.sessionId} desk={desk} row={row} />
        ))}
      </ul>
    </>
  );
}

function OfferedRow({ desk, row }: { desk: Desk; row: SessionRow }) {
  const patron = patronOf(row);
  const from = nameOf(row.transferOffer?.from);
  const message = row.transferOffer?.message;
  const accept = { label: `Accept ${patron}`, onChoose: () => desk.accept(row) };
  const decline = { label: `Decline ${patron}`, onChoose: () => desk.transfers.decline(row) };
  return (
    <Row
      name={patron}
      verb="Accept"
      busy={desk.isPickingUp(row.sessionId)}
      onOpen={() => desk.accept(row)}
      text={row.question}
      told={message && `${from}: ${beginningOf(message, PREVIEWED)}`}
      menu={row.transferOffer?.to.case === "librarian" ? [accept, decline] : [accept]}
      preview={
        <>
          <Preview desk={desk} row={row} />
          {message && (
            <p class="offer-message">
              <strong>{from}:</strong> {message}
            </p>
          )}
        </>
      }
    >
      <span class="row-line">
        <RowName name={patron} />
        <span class="row-time" aria-hidden="true">
          <Lapse desk={desk} row={row} />
        </span>
      </span>
      <span class="row-line">
        <span class="tag">
          <Icon name="transfer" /> from {from}
        </span>
        <LibraryName name={row.institutionName} elsewhere={row.institutionId !== desk.profile.value?.institutionId} />
      </span>
    </Row>
  );
}
