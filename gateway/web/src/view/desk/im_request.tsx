import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import type { Thread } from "../../state/thread";
import { useFocusAfter } from "../parts/open_tab";
import { titleOf } from "./im_list";

/**
 * Says that a librarian writes to the user for the first time (D16). It does not take the focus, so that a user who is
 * writing to a patron is not interrupted; Alt+Shift+I leads here.
 */
export function ImRequest({ desk }: { desk: Desk }) {
  const [thread, ...more] = desk.im.requests.value;
  if (thread === undefined) return null;
  return <Request key={thread.key} desk={desk} thread={thread} more={more.length} />;
}

function Request({ desk, thread, more }: { desk: Desk; thread: Thread; more: number }) {
  const title = titleOf(desk, thread);
  const { counterpart } = thread;
  const library = counterpart.kind === "librarian" ? counterpart.member.institutionName : "";
  const request = useRef<HTMLDivElement>(null);
  useEffect(() => desk.announcer.say(`New IM Request from ${title}. Alt+Shift+I goes to its OK.`), []);
  useFocusAfter(request);
  return (
    <div
      class="im-request"
      ref={request}
      role="dialog"
      aria-labelledby="im-request-title"
      aria-describedby="im-request-text"
    >
      <h2 id="im-request-title">New IM Request</h2>
      <p id="im-request-text">
        <strong>{title}</strong>
        {library && `, ${library},`} writes to you:{" "}
        <q class="im-request-words">{thread.messages.at(-1)?.text ?? "…"}</q>
        {more > 0 && (
          <span class="hint"> {more === 1 ? "One more request" : `${more} more requests`} after this one.</span>
        )}
      </p>
      <div class="dialog-actions">
        <button type="button" id="im-request-ok" class="button small primary" onClick={() => desk.im.open(thread.key)}>
          OK
        </button>
        <button type="button" class="button small" onClick={() => desk.im.putOff(thread)}>
          Later
        </button>
      </div>
    </div>
  );
}
