import type { TargetedMouseEvent } from "preact";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import { isUntimely, isWrong, whyRefused } from "../../refusal_words";
import { texts } from "../../texts/texts";
import { nothingHappened } from "../../wire";
import { Icon } from "./icon";

/** Why something was not sent, and what can be done about it. */
export interface NotSentProps {
  refusal: Refusal | undefined;
  onRetry?: (() => void) | undefined;
  /** Puts the text back into the box. */
  onEdit?: (() => void) | undefined;
  onDiscard?: (() => void) | undefined;
}

/**
 * Says that something was not sent, why, and what can be done: retry it, or edit it first if it would only be refused
 * again. If it may have been sent all the same, the user chooses: a retry sends it only once. The user also chooses if
 * it came too late, since the text may be wanted elsewhere, as in a note once the patron has gone.
 */
export function NotSent({ refusal, onRetry, onEdit, onDiscard }: NotSentProps) {
  // The button disappears with the item; the focus stays in the conversation.
  const press = (act: () => void) => (event: TargetedMouseEvent<HTMLButtonElement>) => {
    event.currentTarget.closest<HTMLElement>("[role=log]")?.focus({ preventScroll: true });
    act();
  };
  const words = texts().stream;
  const isOpen = refusal !== undefined && !nothingHappened(refusal);
  const ways = [
    ...(isWrong(refusal) ? [] : [{ word: words.retry, act: onRetry }]),
    ...(isWrong(refusal) || isOpen || isUntimely(refusal) ? [{ word: words.edit, act: onEdit }] : []),
    { word: words.discard, act: onDiscard },
  ];
  return (
    <p class="message-state failed" role="alert">
      <span>
        <Icon name="alert" /> {isOpen ? words.perhapsSent : words.notSent} {whyRefused(refusal)}
      </span>
      {ways.map(
        ({ word, act }) =>
          act && (
            <button key={word} type="button" class="link-button" onClick={press(act)}>
              {word}
            </button>
          ),
      )}
    </p>
  );
}
