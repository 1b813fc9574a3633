import { useEffect } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { onLook } from "../../app/parts/looked_at";
import { unreadThreads } from "../../state/conversations";
import { TabNumber } from "./chat_news";
import { ImList } from "./im_list";
import { ImThread } from "./im_thread";

/** The IM tab: private conversations with other librarians (S35, S43). */
export function Im({ desk }: { desk: Desk }) {
  const thread = desk.im.thread.value;
  useLook(desk);
  return (
    <div id="panel-im" class={thread ? "im with-thread" : "im"} role="tabpanel" aria-labelledby="tab-im">
      <ImList desk={desk} />
      {thread ? (
        <ImThread desk={desk} thread={thread} key={thread.key} />
      ) : (
        <section class="im-thread vacant" aria-label="Conversation">
          <div class="vacant-text">
            <h2 class="display">No conversation open</h2>
            <p>Choose a librarian, then write. Only the two of you read it; patrons never do.</p>
          </div>
        </section>
      )}
    </div>
  );
}

/** The mark beside the name of the IM tab: how many conversations are unread. */
export function ImMark({ desk }: { desk: Desk }) {
  const unread = unreadThreads(desk.im.conversations.value);
  return unread > 0 ? <TabNumber number={unread} words={`${unread} unread`} /> : null;
}

/** Marks the shown conversation as looked at, now and whenever the user comes back to the window. */
function useLook(desk: Desk): void {
  useEffect(() => {
    const look = () => desk.im.look();
    look();
    return onLook(look);
  }, [desk]);
}
