import type { TargetedMouseEvent } from "preact";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import { isWrong, whyRefused } from "../../refusal_words";
import { Icon } from "./icon";

/** What was not sent, and what can be done about it. */
export interface NotSentProps {
  refusal: Refusal | undefined;
  onRetry?: (() => void) | undefined;
  /** Takes the text back into the box. */
  onEdit?: (() => void) | undefined;
  onDiscard?: (() => void) | undefined;
}

/** That something was not sent, why, and what can be done: sent again, or changed first if it would only be refused. */
export function NotSent({ refusal, onRetry, onEdit, onDiscard }: NotSentProps) {
  // The button goes with what was not sent; the focus stays in the conversation.
  const press = (act: () => void) => (event: TargetedMouseEvent<HTMLButtonElement>) => {
    event.currentTarget.closest<HTMLElement>("[role=log]")?.focus({ preventScroll: true });
    act();
  };
  const again = isWrong(refusal) ? { word: "Edit", act: onEdit } : { word: "Retry", act: onRetry };
  return (
    <p class="message-state failed" role="alert">
      <span>
        <Icon name="alert" /> Not sent. {whyRefused(refusal)}
      </span>
      {again.act && (
        <button type="button" class="link-button" onClick={press(again.act)}>
          {again.word}
        </button>
      )}
      {onDiscard && (
        <button type="button" class="link-button" onClick={press(onDiscard)}>
          Discard
        </button>
      )}
    </p>
  );
}
