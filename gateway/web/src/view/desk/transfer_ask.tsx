import { useEffect, useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { TRANSFER_TEXT_LIMIT } from "../../app/desk/transfer";
import { withTakenBack } from "../../app/parts/taking_back";
import type { LibrarianRow } from "../../gen/carrel/presence/v1/presence_service_pb";
import { itemsOf, type ThreadItem } from "../../state/conversations";
import { librarianKey, type OutgoingMessage } from "../../state/thread";
import { Icon } from "../parts/icon";
import { NotSent, type NotSentProps } from "../parts/not_sent";
import { length, tooMany } from "../parts/text_box";
import { useWrong, WrongLine } from "../parts/wrong";

interface AskFirstProps {
  desk: Desk;
  sessionId: string;
  librarian: LibrarianRow;
}

/**
 * Asks a librarian before a session is offered to them (D17, D44). The question is also a note in the session (R14).
 */
export function AskFirst({ desk, sessionId, librarian }: AskFirstProps) {
  const text = desk.drafts.of(sessionId).ask;
  const setText = (ask: string) => desk.drafts.change(sessionId, { ask });
  const box = useRef<HTMLInputElement>(null);
  const key = librarianKey(librarian.librarianId);
  const thread = desk.im.conversations.value.threads.get(key);
  /** What is wrong, read aloud when the user sends. The hint, which counts at every key, is not read aloud. */
  const [tooLong, setTooLong] = useWrong();
  const [head] = useState(thread?.head ?? 0);
  const left = TRANSFER_TEXT_LIMIT - length(text);
  const send = (event: Event) => {
    event.preventDefault();
    if (left < 0) {
      box.current?.focus();
      return setTooLong("This is too long to send. Shorten it.");
    }
    if (text.trim() === "") return;
    desk.transfers.askFirst(sessionId, librarian, text.trim());
    setText("");
  };
  const lines = thread === undefined ? [] : itemsOf(thread, desk.im.me).filter((item) => isSince(item, head));
  // The pressed button disappears with what was not sent: the focus goes to the box where it can be written anew.
  const settle = (act: () => void) => () => {
    box.current?.focus();
    act();
  };
  const waysOut = ({ commandId, deed }: OutgoingMessage) => ({
    onRetry: settle(() => desk.im.retry(key, commandId)),
    onEdit: settle(() => {
      setText(withTakenBack(text, deed));
      desk.im.discard(key, commandId);
    }),
    onDiscard: settle(() => desk.im.discard(key, commandId)),
  });
  // An answer that is shown here counts as read.
  useEffect(() => {
    if (lines.length > 0) desk.im.readBeside(key);
  }, [desk, key, lines.length]);
  return (
    <form class="ask-first" onSubmit={send} noValidate>
      <label for="ask-first">Ask {librarian.screenName} first, by IM</label>
      {lines.length > 0 && (
        <ul class="ask-first-lines" aria-label={`What you and ${librarian.screenName} wrote`} aria-live="polite">
          {lines.map((item) => (
            <Line key={keyOf(item)} item={item} name={librarian.screenName} waysOut={waysOut} />
          ))}
        </ul>
      )}
      <div class="page-push-row">
        <input
          id="ask-first"
          ref={box}
          autoComplete="off"
          value={text}
          aria-describedby="ask-first-hint"
          aria-invalid={left < 0}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="button" aria-disabled={text.trim() === "" || left < 0}>
          <Icon name="send" /> Send IM
        </button>
      </div>
      <p id="ask-first-hint" class={left < 0 ? "hint over" : "hint"}>
        {left < 0
          ? tooMany(-left, TRANSFER_TEXT_LIMIT)
          : "What you ask here is kept as a note in the session. The patron never sees it."}
      </p>
      {left < 0 && <WrongLine wrong={tooLong} class="visually-hidden" />}
    </form>
  );
}

/** Whether a line was written since the dialog was opened. */
function isSince(item: ThreadItem, head: number): boolean {
  if (item.kind === "message") return Number(item.message.position) > head;
  return item.kind === "outgoing" && item.outgoing.after >= head;
}

function keyOf(item: ThreadItem): string {
  if (item.kind === "message") return `m${item.message.position}`;
  return item.kind === "outgoing" ? item.outgoing.commandId : "divider";
}

interface LineProps {
  item: ThreadItem;
  name: string;
  /** Returns what can be done with a message that was not sent. */
  waysOut: (outgoing: OutgoingMessage) => Pick<NotSentProps, "onRetry" | "onEdit" | "onDiscard">;
}

function Line({ item, name, waysOut }: LineProps) {
  switch (item.kind) {
    case "message":
      return (
        <li>
          <strong>{item.own ? "You" : name}:</strong> {item.message.text}
        </li>
      );
    case "outgoing":
      return (
        <li>
          <strong>You:</strong> {item.outgoing.deed}{" "}
          {item.outgoing.status === "failed" ? (
            <NotSent refusal={item.outgoing.refusal} {...waysOut(item.outgoing)} />
          ) : (
            <span class="hint">Sending …</span>
          )}
        </li>
      );
    case "divider":
      return null;
  }
}
