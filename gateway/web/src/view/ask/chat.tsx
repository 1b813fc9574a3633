import type { PatronChat } from "../../app/ask/chat";
import { whyRefused } from "../../refusal_words";
import { texts } from "../../texts/texts";
import { isNameless, nameOf, subjectOf } from "../../words";
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
  const words = texts().chat;
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
          busy={words.ending}
          title={words.endTitle}
          text={words.endText(subjectOf(owner))}
          action={words.end}
          otherwise={words.keepChatting}
        />
      </div>
      <ConnectionNotice chat={chat} />
      <Conversation
        chat={chat}
        view={view}
        placeholder={owner !== undefined && isNameless(owner) ? words.writeToLibrarian : words.writeTo(librarian)}
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
        {texts().chat.trouble} {whyRefused(trouble)}
      </p>
    );
  }
  if (phase === "connected" || phase === "idle") return null;
  if (phase === "rejected") {
    return (
      <p class="notice bad" role="alert">
        {texts().chat.outOfDate}
      </p>
    );
  }
  return (
    <p class="notice warn" role="status">
      {texts().chat.lost}
    </p>
  );
}
