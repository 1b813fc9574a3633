import type { PatronChat } from "../../app/patron_chat";
import { isByPatron } from "../../app/patron_news";
import { whyRefused } from "../../refusal_words";
import { conversation } from "../../state/conversation";
import { nameOf, type Reader } from "../../words";
import { Icon } from "../parts/icon";
import { Stream } from "../parts/stream";
import { TextBox } from "../parts/text_box";
import { TypingLine } from "../parts/typing_line";
import { EndChat } from "./end_chat";

/** How the patron reads a conversation. */
export const asPatron: Reader = { isOwn: isByPatron, isPatron: true };

/** The conversation with the librarian. */
export function Chat({ chat }: { chat: PatronChat }) {
  const view = chat.view.value;
  if (view === undefined) return null;
  const typists = chat.link.typists.value.filter((typist) => typist.sessionId === view.sessionId);
  const owner = view.session?.owner;
  const librarian = nameOf(owner);
  return (
    <section class="chat">
      <div class="chat-head">
        <h1>
          {librarian}
          {owner?.institutionName && <span class="author-library"> {owner.institutionName}</span>}
        </h1>
        <EndChat
          chat={chat}
          class="button small"
          busy="Ending …"
          title="End this chat?"
          text={`${librarian} can then no longer answer you here. You can read and save what was written.`}
          action="End chat"
          otherwise="Go on chatting"
        />
      </div>
      <ConnectionNotice chat={chat} />
      <Stream
        sessionId={view.sessionId}
        items={conversation(view, isByPatron)}
        reader={asPatron}
        now={chat.link.localNow}
        stuck={chat.link.isStuck.value}
        foot={<TypingLine typists={typists} />}
        onRetry={(commandId) => chat.link.input(view.sessionId, { kind: "retry", commandId })}
        onEdit={(outgoing) => {
          chat.edit(outgoing);
          document.getElementById("message")?.focus();
        }}
        onDiscard={(commandId) => chat.link.input(view.sessionId, { kind: "discard", commandId })}
      />
      <div class="chat-box">
        <TextBox
          id="message"
          label={<span class="visually-hidden">Your message</span>}
          placeholder={`Write to ${librarian}`}
          hint={<span class="keys">Enter sends, Shift+Enter begins a new line</span>}
          value={chat.draft.value}
          limit={chat.link.textLimit.value}
          focus
          action={
            <>
              <Icon name="send" /> Send
            </>
          }
          onInput={(value) => {
            chat.draft.value = value;
            if (value !== "") chat.typing();
          }}
          onSend={() => chat.send()}
        />
      </div>
    </section>
  );
}

function ConnectionNotice({ chat }: { chat: PatronChat }) {
  const phase = chat.link.connection.value.phase.name;
  const trouble = chat.view.value?.trouble;
  if (phase === "connected" && trouble !== undefined) {
    return (
      <p class="notice bad" role="alert">
        Your chat cannot be reached, and is tried again. {whyRefused(trouble)}
      </p>
    );
  }
  if (phase === "connected" || phase === "idle") return null;
  if (phase === "rejected") {
    return (
      <p class="notice bad" role="alert">
        This page is out of date. Reload it: your chat is kept and goes on where it was. What you have written and not
        sent is not kept; copy it first.
      </p>
    );
  }
  return (
    <p class="notice warn" role="status">
      The connection is lost. Your chat is kept, and what you write now is sent as soon as the connection is back. Keep
      this page open.
    </p>
  );
}
