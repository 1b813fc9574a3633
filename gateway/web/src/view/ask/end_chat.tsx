import { useState } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import type { Confirmation } from "../../app/parts/confirmation";
import { whyNotDone } from "../../refusal_words";
import { Confirm } from "../parts/dialog";

interface EndChatProps extends Omit<Confirmation, "onConfirm"> {
  chat: PatronChat;
  class: string;
  /** What the button says while the end is on its way. */
  busy: string;
}

/**
 * A button that ends the chat, or the wait for it, once and after a question. The confirming answer has the same label.
 */
export function EndChat({ chat, class: look, busy, ...question }: EndChatProps) {
  const [asks, setAsks] = useState(false);
  const ending = chat.ending.value;
  const refused = chat.refusedEnd.value?.refusal;
  return (
    <>
      {refused && (
        <p class="hint over" role="alert">
          {whyNotDone(refused)}
        </p>
      )}
      <button type="button" class={look} aria-disabled={ending} onClick={() => setAsks(!ending)}>
        {ending ? busy : question.action}
      </button>
      {asks && (
        <Confirm
          {...question}
          onCancel={() => setAsks(false)}
          onConfirm={() => {
            setAsks(false);
            chat.end();
          }}
        />
      )}
    </>
  );
}
