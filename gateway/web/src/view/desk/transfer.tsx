import { useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { type Target, TRANSFER_TEXT_LIMIT } from "../../app/desk/transfer";
import type { Confirmation } from "../../app/parts/confirmation";
import type { LibrarianRow } from "../../gen/carrel/presence/v1/presence_service_pb";
import { patronOf } from "../../patron_label";
import { othersWords, staffWords } from "../../state/queues";
import { librariansOf, shares, statusWord } from "../../state/roster";
import type { SessionView } from "../../state/session";
import { librarianKey } from "../../state/thread";
import { offeredTo } from "../../words";
import { Confirm, Dialog } from "../parts/dialog";
import { length, tooMany } from "../parts/text_box";
import { useWrong, WrongLine } from "../parts/wrong";
import { throwingAway } from "./throw_away";
import { AskFirst } from "./transfer_ask";
import { Unsent } from "./unsent";

interface TransferDialogProps {
  desk: Desk;
  sessionId: string;
  /** The librarian who is chosen already, if any. */
  librarianId: string | undefined;
}

/** Offers a session to a librarian or to a queue (R15, D43). The owner keeps the patron until somebody accepts. */
export function TransferDialog({ desk, sessionId, librarianId }: TransferDialogProps) {
  const view = desk.link.sessions.value.get(sessionId);
  const [chosen, setChosen] = useState(librarianId === undefined ? "" : librarianKey(librarianId));
  const [missing, setMissing] = useWrong();
  const [question, setQuestion] = useState<Confirmation | undefined>(undefined);
  const box = useRef<HTMLTextAreaElement>(null);
  // The session may have ended, or gone, while the dialog was open.
  if (view === undefined || !desk.transfers.mayOffer(sessionId)) {
    return <NotAnyMore desk={desk} sessionId={sessionId} />;
  }
  const { offer: message, ask } = desk.drafts.of(sessionId);
  const targets = targetsOf(desk, view);
  const target = targets.find((one) => one.key === chosen);
  const left = TRANSFER_TEXT_LIMIT - length(message);
  const patron = patronOf(view.session, "the patron");
  const offer = (event: Event) => {
    event.preventDefault();
    if (target === undefined) return setMissing("Choose a librarian or a queue first.");
    // The hint below the box says by how much it is too long.
    if (left < 0) return box.current?.focus();
    const goOn = () => {
      desk.transfers.offer(sessionId, target.to, message);
      close(desk, sessionId);
    };
    if (ask.trim() === "") goOn();
    else
      setQuestion(
        throwingAway(`You have typed ${A_QUESTION} but not sent it. The offer will be made without it.`, goOn),
      );
  };
  const leave = () => {
    const typed = [message.trim() && "a message for the offer", ask.trim() && A_QUESTION].filter((text) => text !== "");
    const goOn = () => close(desk, sessionId);
    if (typed.length === 0) goOn();
    else setQuestion(throwingAway(`You have typed ${typed.join(" and ")} but not sent it.`, goOn));
  };
  return (
    <>
      <Dialog title={`Transfer ${patron}`} class="transfer-dialog" onCancel={leave}>
        <p>You keep {patron} until somebody accepts. The patron is told only then, so let them know yourself first.</p>
        <StandingOffer desk={desk} view={view} />
        <TargetList
          targets={targets}
          chosen={chosen}
          onChoose={(key) => {
            setChosen(key);
            setMissing("");
          }}
        />
        {chosen !== "" && target === undefined && (
          <p class="notice warn" role="status">
            The librarian you chose is no longer at the desk.
          </p>
        )}
        {target?.isEmpty && (
          <p class="notice warn" role="status">
            Nobody else monitors this queue now. Unless somebody comes, the offer lapses and you keep the patron.
          </p>
        )}
        {target?.librarian && (
          <AskFirst desk={desk} sessionId={sessionId} librarian={target.librarian} key={target.key} />
        )}
        <form class="transfer-form" onSubmit={offer} noValidate>
          <div class="field">
            <label for="transfer-message">
              What they should know <span class="optional">optional</span>
            </label>
            <textarea
              id="transfer-message"
              ref={box}
              rows={2}
              value={message}
              aria-describedby="transfer-hint"
              aria-invalid={left < 0}
              onInput={(event) => desk.drafts.change(sessionId, { offer: event.currentTarget.value })}
            />
            <p id="transfer-hint" class={left < 0 ? "hint over" : "hint"}>
              {left < 0
                ? tooMany(-left, TRANSFER_TEXT_LIMIT)
                : "It goes with the offer. Whoever accepts sees the whole conversation and all notes."}
            </p>
          </div>
          <WrongLine wrong={missing} class="notice bad" />
          <div class="dialog-actions">
            <button type="submit" class="button primary">
              Offer
            </button>
            <button type="button" class="button" onClick={leave}>
              Cancel
            </button>
          </div>
        </form>
      </Dialog>
      {question && (
        <Confirm
          {...question}
          onCancel={() => setQuestion(undefined)}
          onConfirm={() => {
            setQuestion(undefined);
            question.onConfirm();
          }}
        />
      )}
    </>
  );
}

const A_QUESTION = "a question to ask first";

/** Closes the dialog and drops what is still typed in it. */
function close(desk: Desk, sessionId: string): void {
  desk.drafts.change(sessionId, { offer: "", ask: "" });
  desk.cancel();
}

/** One line of the list: a librarian or a queue that a session can be offered to. */
interface TargetLine {
  key: string;
  to: Target;
  name: string;
  facts: string;
  /** Whether nobody could accept the offer as things stand. */
  isEmpty?: boolean;
  librarian?: LibrarianRow;
}

/**
 * Librarians who share a queue, those who take patrons first, then queues. A practice session stays in practice queues.
 */
function targetsOf(desk: Desk, view: SessionView): TargetLine[] {
  const practice = desk.isPractice(view.session?.queueId ?? "");
  const librarians = librariansOf(desk.presence.roster.value)
    .filter(shares)
    .sort((a, b) => a.status - b.status);
  const states = desk.presence.queues.value;
  const queues = (desk.profile.value?.queues ?? []).filter((queue) => queue.practice === practice);
  return [
    ...librarians.map(
      (row): TargetLine => ({
        key: librarianKey(row.librarianId),
        to: { kind: "librarian", librarianId: row.librarianId, introduction: row.introduction },
        name: row.screenName,
        facts: `${row.institutionName} · ${statusWord(row.status)} · ${row.activeCount} active`,
        librarian: row,
      }),
    ),
    ...queues.map((queue): TargetLine => {
      const state = states.get(queue.queueId);
      const isOwn = desk.queueIds.value?.includes(queue.queueId) ?? false;
      const words = isOwn ? othersWords : staffWords;
      return {
        key: `queue/${queue.queueId}`,
        to: { kind: "queue", queueId: queue.queueId },
        name: `Queue ${queue.name}`,
        facts: state === undefined ? "Whoever monitors it first" : words(state),
        isEmpty: state !== undefined && state.librarians <= (isOwn ? 1 : 0),
      };
    }),
  ];
}

interface TargetListProps {
  targets: readonly TargetLine[];
  chosen: string;
  onChoose: (key: string) => void;
}

function TargetList({ targets, chosen, onChoose }: TargetListProps) {
  const first = targets.some((target) => target.key === chosen) ? chosen : targets[0]?.key;
  return (
    <fieldset class="targets">
      <legend>To whom</legend>
      {!targets.some((target) => target.librarian) && (
        <p class="hint">No other librarian who shares a queue with you is at the desk now.</p>
      )}
      {targets.map((target) => (
        <label key={target.key} class="queue target">
          <input
            type="radio"
            name="transfer-to"
            value={target.key}
            data-first={target.key === first ? true : undefined}
            checked={target.key === chosen}
            onChange={() => onChoose(target.key)}
          />
          <span>
            <strong>{target.name}</strong> <span class="queue-libraries">{target.facts}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function StandingOffer({ desk, view }: { desk: Desk; view: SessionView }) {
  const offer = view.session?.transferOffer;
  if (offer === undefined) return null;
  return (
    <p class="notice warn">Your offer to {offeredTo(offer, desk.queueName)} stands. A new offer takes its place.</p>
  );
}

/**
 * Says that the session can no longer be offered, and shows what was typed for it, which stays readable in the session.
 */
function NotAnyMore({ desk, sessionId }: { desk: Desk; sessionId: string }) {
  const { offer, ask, doubtful } = desk.drafts.of(sessionId);
  const leave = () => desk.cancel();
  return (
    <Dialog title="Transfer" onCancel={leave}>
      <p>This session can no longer be transferred: it has ended, or somebody else has it now.</p>
      <Unsent texts={{ offer, ask }} doubtful={doubtful} />
      <div class="dialog-actions">
        <button type="button" class="button primary" data-first onClick={leave}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
