import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { outgoingText } from "../../state/conversation";
import type { Outgoing } from "../../state/session";
import { texts } from "../../texts/texts";
import { Icon } from "./icon";
import { LinkedText } from "./linked_text";
import { NotSent } from "./not_sent";
import { NoteHead } from "./stream_items";

interface OutgoingItemProps {
  outgoing: Outgoing;
  /** This browser's clock, by which the time of sending was taken. */
  now?: ReadonlySignal<number> | undefined;
  /** Whether the page can send nothing more until it is reloaded. */
  stuck?: boolean | undefined;
  onRetry?: ((commandId: string) => void) | undefined;
  /** Puts the text back into the box. */
  onEdit?: ((outgoing: Outgoing) => void) | undefined;
  onDiscard?: ((commandId: string) => void) | undefined;
}

/** After how many milliseconds an unconfirmed message is said to be late (D60). */
const LATE = 30_000;

/** Something that the user has sent and that the session's events do not show yet. */
export function OutgoingItem(props: OutgoingItemProps) {
  const { outgoing } = props;
  const text = outgoingText(outgoing) ?? "";
  const state = <OutgoingState {...props} />;
  if (outgoing.deed.case === "writeNote") {
    return (
      <li class={`note ${outgoing.status}`}>
        <NoteHead author="You" />
        <div class="note-text">
          <LinkedText text={text} />
        </div>
        {state}
      </li>
    );
  }
  return (
    <OwnWord status={outgoing.status} text={text}>
      {state}
    </OwnWord>
  );
}

interface OwnWordProps {
  status: string;
  text: string;
  /** How far its sending has come. */
  children: ComponentChildren;
}

/** A message of the user's own whose outcome is not settled yet. */
export function OwnWord({ status, text, children }: OwnWordProps) {
  return (
    <li class={`message near own ${status}`}>
      <p class="message-head">
        <span class="author">{texts().stream.you}</span>
      </p>
      <div class="bubble">
        <LinkedText text={text} />
      </div>
      {children}
    </li>
  );
}

interface UnderWayProps {
  outgoing: Pick<Outgoing, "status" | "since">;
  now?: ReadonlySignal<number> | undefined;
  stuck?: boolean | undefined;
}

/** Says how far the sending of something has come, unless it has failed. */
export function UnderWay({ outgoing, now, stuck = false }: UnderWayProps) {
  const words = texts().stream;
  if (outgoing.status === "sent") {
    return (
      <p class="message-state">
        <Icon name="check" /> {words.sent}
      </p>
    );
  }
  if (stuck) {
    return (
      <p class="message-state failed">
        <Icon name="alert" /> {words.stuck}
      </p>
    );
  }
  const isLate = now !== undefined && now.value - outgoing.since > LATE;
  return (
    <p class="message-state">
      <Icon name="clock" /> {isLate ? words.late : words.sending}
    </p>
  );
}

function OutgoingState({ outgoing, now, stuck, onRetry, onEdit, onDiscard }: OutgoingItemProps) {
  if (outgoing.status !== "failed") return <UnderWay outgoing={outgoing} now={now} stuck={stuck} />;
  // A web page's address has no box to go back to.
  const edit = onEdit && outgoing.deed.case !== "pushPage" ? () => onEdit(outgoing) : undefined;
  return (
    <NotSent
      refusal={outgoing.refusal}
      onRetry={onRetry && (() => onRetry(outgoing.commandId))}
      onEdit={edit}
      onDiscard={onDiscard && (() => onDiscard(outgoing.commandId))}
    />
  );
}
