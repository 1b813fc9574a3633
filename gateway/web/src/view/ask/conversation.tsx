import type { ComponentChildren } from "preact";
import type { PatronChat } from "../../app/ask/chat";
import { isByPatron } from "../../app/ask/news";
import { conversation } from "../../state/conversation";
import type { SessionView } from "../../state/session";
import { texts } from "../../texts/texts";
import type { Reader } from "../../words";
import { Icon } from "../parts/icon";
import { Stream } from "../parts/stream";
import { TextBox } from "../parts/text_box";

/** The patron as the reader of a conversation. */
export const asPatron: Reader = { isOwn: isByPatron, isPatron: true };

interface ConversationProps {
  chat: PatronChat;
  view: SessionView;
  /** The text of the empty box. */
  placeholder: string;
  /** What the box is for, above it, where that does not go without saying. */
  label?: string;
  /** Whether the box takes the focus when it appears. */
  focus?: boolean;
  /** What is shown below the last item. */
  foot?: ComponentChildren;
}

/** The conversation of a running session, with what can be done about messages not sent, and the box to write in. */
export function Conversation({ chat, view, placeholder, label = "", focus = false, foot }: ConversationProps) {
  return (
    <>
      <Stream
        sessionId={view.sessionId}
        items={conversation(view, isByPatron)}
        reader={asPatron}
        now={chat.link.localNow}
        stuck={chat.link.isStuck.value}
        foot={foot}
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
          label={label || <span class="visually-hidden">{texts().box.message}</span>}
          placeholder={placeholder}
          hint={<span class="keys">{texts().box.keys}</span>}
          value={chat.draft.value}
          limit={chat.link.textLimit.value}
          focus={focus}
          action={
            <>
              <Icon name="send" /> {texts().box.send}
            </>
          }
          onInput={(value) => {
            chat.draft.value = value;
            if (value !== "") chat.typing();
          }}
          onSend={() => chat.send()}
        />
      </div>
    </>
  );
}
