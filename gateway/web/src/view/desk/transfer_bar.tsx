import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import type { SessionView } from "../../state/session";
import { mayOffer, newOwnerOf, secondsLeft } from "../../state/transfer";
import { stopwatch } from "../../time";
import { nameOf, offeredTo } from "../../words";
import { Icon } from "../parts/icon";
import { Unsent } from "./unsent";

/** Says to whom the session is offered and for how long, and lets the owner withdraw the offer (R15). */
export function OfferBar({ desk, view }: { desk: Desk; view: SessionView }) {
  const offer = view.session?.transferOffer;
  const stands = offer !== undefined;
  useEffect(() => {
    if (!stands) return;
    return () => {
      requestAnimationFrame(() => {
        // The button that had the focus went with the offer: the patron's box gets the focus, if this session is shown.
        if (document.activeElement === document.body && desk.isShown(view.sessionId)) desk.focus("patron");
      });
    };
  }, [stands]);
  if (offer === undefined) {
    if (!desk.transfers.isOffering(view.sessionId)) return null;
    return (
      <p class="banner offer-banner" role="status">
        <Icon name="transfer" /> Making your offer …
      </p>
    );
  }
  const left = secondsLeft(offer, desk.link.now.value);
  const withdrawing = desk.transfers.isWithdrawing(view.sessionId);
  const own = mayOffer(view);
  return (
    <div class="banner offer-banner">
      <Icon name="transfer" />
      <span role="status">
        <strong>Offered to {offeredTo(offer, desk.queueName)}</strong>
        {!own && ` by ${nameOf(offer.from)}`}
      </span>
      <span class="lapse" role="timer" aria-live="off">
        lapses in {stopwatch(left * 1_000)}
      </span>
      {own && (
        <button
          type="button"
          class="button small"
          aria-disabled={withdrawing}
          onClick={() => desk.transfers.withdraw(view.sessionId, offer.offerId)}
        >
          {withdrawing ? "Withdrawing …" : "Withdraw"}
        </button>
      )}
    </div>
  );
}

/** Says that another librarian has the session now, and shows what was typed but came too late to be sent. */
export function HandedOver({ desk, view }: { desk: Desk; view: SessionView }) {
  const ref = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    // The boxes are gone, and the focus with them.
    if (document.activeElement === document.body) ref.current?.focus();
  }, []);
  const { patron, note, page, offer, ask, doubtful } = desk.drafts.of(view.sessionId);
  return (
    <div class="banner over handed-over">
      <p role="status" ref={ref} tabIndex={-1}>
        <Icon name="transfer" /> <strong>{newOwnerOf(view) || "Another librarian"} has this patron now.</strong> You see
        what was said until then.
      </p>
      <Unsent texts={{ patron, note, page, offer, ask }} doubtful={doubtful} />
    </div>
  );
}
