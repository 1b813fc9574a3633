import { useLayoutEffect, useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import type { Thread } from "../../state/thread";
import { Icon } from "../parts/icon";
import { useFocusAfter } from "../parts/open_tab";
import { TextBox } from "../parts/text_box";
import { presenceOf, titleOf } from "./im_list";
import { ImStream } from "./im_stream";
import { StatusMark } from "./status";

/** One conversation: who it is with, the messages, and the box to write in. */
export function ImThread({ desk, thread }: { desk: Desk; thread: Thread }) {
  const box = useRef<HTMLTextAreaElement>(null);
  const section = useRef<HTMLElement>(null);
  useFocusAfter(section);
  const wanted = desk.im.wantsFocus.value;
  // A layout effect: the user may type as soon as they have chosen the conversation.
  useLayoutEffect(() => {
    if (!wanted) return;
    box.current?.focus();
    desk.im.focused();
  }, [wanted]);
  const title = titleOf(desk, thread);
  const { counterpart } = thread;
  const isRoom = counterpart.kind === "queue";
  const status = presenceOf(desk, thread);
  return (
    <section
      class="im-thread"
      ref={section}
      aria-label={isRoom ? `Staff room of ${title}` : `IM session with ${title}`}
    >
      <header class="session-head">
        <button
          type="button"
          class="icon-button back"
          aria-label="Back to the conversations"
          onClick={() => desk.im.unselect()}
        >
          <Icon name="back" />
        </button>
        <div class="session-title">
          <h2 title={title}>{title}</h2>
          <p class="session-facts">
            {isRoom ? (
              <span>Staff room: everyone who monitors this queue</span>
            ) : (
              <>
                <span>{counterpart.member.institutionName}</span>
                {status !== undefined && <StatusMark status={status} />}
              </>
            )}
            <span>
              <Icon name="lock" /> No patron sees this
            </span>
          </p>
        </div>
      </header>
      {!isRoom && status === undefined && desk.presence.roster.value.loaded && (
        <p class="banner over" role="status">
          {title} does not share a queue with you at the moment. You can still read what was written, but messages are
          accepted only while you share a queue.
        </p>
      )}
      <ImStream desk={desk} thread={thread} title={title} />
      <div class="im-box">
        <TextBox
          id="im-box"
          boxRef={box}
          label={
            <>
              <strong>{isRoom ? `To the staff of ${title}` : `To ${title}`}</strong> – between librarians
            </>
          }
          placeholder={isRoom ? "Write to your colleagues" : `Write to ${title}`}
          hint={<span class="keys">Enter sends, Shift+Enter begins a new line</span>}
          value={desk.im.draftOf(thread.key)}
          limit={desk.link.textLimit.value}
          action={
            <>
              <Icon name="send" /> Send
            </>
          }
          onInput={(text) => desk.im.type(thread, text)}
          onSend={() => desk.im.send(thread.key)}
        />
      </div>
    </section>
  );
}
