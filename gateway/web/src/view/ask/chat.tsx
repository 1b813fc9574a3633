import type { PatronChat } from "../../app/ask/chat";
import { whyRefused } from "../../refusal_words";
import { nameOf } from "../../words";
import { TypingLine } from "../parts/typing_line";
import { ChatSettings } from "./chat_settings";
import { Conversation } from "./conversation";
import { EndChat } from "./end_chat";

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
        <ChatSettings chat={chat} />
        <EndChat
          chat={chat}
          class="button small"
          busy="Ending …"
          title="End this chat?"
          text={`${librarian} will no longer be able to answer you here. You can still read and save what was written.`}
          action="End chat"
          otherwise="Keep chatting"
        />
      </div>
      <ConnectionNotice chat={chat} />
      <Conversation
        chat={chat}
        view={view}
        placeholder={`Write to ${librarian}`}
        focus
        foot={<TypingLine typists={typists} />}
      />
    </section>
  );
}

function ConnectionNotice({ chat }: { chat: PatronChat }) {
  const phase = chat.link.connection.value.phase.name;
  const trouble = chat.view.value?.trouble;
  if (phase === "connected" && trouble !== undefined) {
    return (
      <p class="notice bad" role="alert">
        Your chat can't be reached right now; we're still trying. {whyRefused(trouble)}
      </p>
    );
  }
  if (phase === "connected" || phase === "idle") return null;
  if (phase === "rejected") {
    return (
      <p class="notice bad" role="alert">
        This page is out of date. Reload it: your chat is kept and carries on where it was. What you have written but
        not sent is not kept, so copy it first.
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
