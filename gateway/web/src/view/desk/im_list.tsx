import type { ComponentChildren } from "preact";
import type { Desk } from "../../app/desk/desk";
import type { Status } from "../../gen/carrel/presence/v1/presence_service_pb";
import { staffRooms, withLibrarians } from "../../state/conversations";
import { librariansOf, shares } from "../../state/roster";
import { isRequest, librarianKey, type Thread } from "../../state/thread";
import { pastTime } from "../../time";
import { beginningOf } from "../../words";
import { Hidden } from "../parts/hidden";
import { Icon } from "../parts/icon";
import { PREVIEWED } from "./row_question";
import { RowName } from "./rows";
import { StatusMark } from "./status";

/** The librarian's conversations, and the others whom they can write to (S36, S42, D15). */
export function ImList({ desk }: { desk: Desk }) {
  const { conversations } = desk.im;
  const begun = withLibrarians(conversations.value);
  const rooms = staffRooms(conversations.value).sort((a, b) => titleOf(desk, a).localeCompare(titleOf(desk, b)));
  const known = new Set(begun.map((thread) => thread.key));
  const others = librariansOf(desk.presence.roster.value).filter(
    (row) => shares(row) && !known.has(librarianKey(row.librarianId)),
  );
  return (
    <nav class="im-list" aria-label="Whom to write to">
      <Group title="My Active IM Sessions" label="My active IM sessions">
        {begun.map((thread) => (
          <ThreadRow key={thread.key} desk={desk} thread={thread} />
        ))}
        {begun.length === 0 && <li class="im-none">{conversations.value.loaded ? "None yet" : "Loading …"}</li>}
      </Group>
      {rooms.length > 0 && (
        <Group title="Staff rooms of your queues" label="Staff rooms">
          {rooms.map((thread) => (
            <ThreadRow key={thread.key} desk={desk} thread={thread} />
          ))}
        </Group>
      )}
      <Group title="Write to a librarian" label="Librarians to write to">
        {others.map((row) => {
          const key = librarianKey(row.librarianId);
          const selected = desk.im.thread.value?.key === key;
          return (
            <li key={key} class={selected ? "row selected" : "row"}>
              <button
                type="button"
                class="im-row"
                aria-current={selected ? "true" : undefined}
                onClick={() => desk.im.start(row)}
              >
                <Hidden>Write to</Hidden>
                <span class="row-line">
                  <RowName name={row.screenName} />
                  <StatusMark status={row.status} />
                </span>
                <span class="library">{row.institutionName}</span>
              </button>
            </li>
          );
        })}
        {others.length === 0 && (
          <li class="im-none">
            {known.size > 0 ? "Nobody else shares a queue with you now" : "Nobody shares a queue with you now"}
          </li>
        )}
      </Group>
    </nav>
  );
}

/** The title of a conversation. */
export function titleOf(desk: Desk, { counterpart }: Thread): string {
  return counterpart.kind === "librarian"
    ? counterpart.member.screenName || "Librarian"
    : desk.queueName(counterpart.queueId);
}

/** The status of the librarian of a conversation, or nothing while they share no queue with the user. */
export function presenceOf(desk: Desk, { counterpart }: Thread): Status | undefined {
  if (counterpart.kind !== "librarian") return undefined;
  const row = desk.presence.roster.value.librarians.get(counterpart.member.librarianId);
  return row && shares(row) ? row.status : undefined;
}

function Group({ title, label, children }: { title: string; label: string; children: ComponentChildren }) {
  return (
    <section class="im-group">
      <h2 class="rows-title">{title}</h2>
      <ul class="rows" aria-label={label}>
        {children}
      </ul>
    </section>
  );
}

function ThreadRow({ desk, thread }: { desk: Desk; thread: Thread }) {
  const title = titleOf(desk, thread);
  const status = presenceOf(desk, thread);
  const last = thread.messages.at(-1);
  const isRoom = thread.counterpart.kind === "queue";
  const request = isRequest(thread);
  const selected = desk.im.thread.value?.key === thread.key;
  return (
    <li class={selected ? "row selected" : "row"}>
      <button
        type="button"
        class="im-row"
        aria-current={selected ? "true" : undefined}
        onClick={() => desk.im.open(thread.key)}
      >
        <Hidden>{isRoom ? "Open the staff room of" : "Open the IM session with"}</Hidden>
        <span class="row-line">
          <RowName name={title} />
          {request && <span class="tag">Request</span>}
          {thread.unread > 0 && <span class="unread">{thread.unread} new</span>}
          <span class="row-time">{pastTime(last?.time, desk.link.now.value)}</span>
        </span>
        <span class="row-line">
          {isRoom ? (
            <span class="library">Staff room</span>
          ) : (
            <>
              {status === undefined ? <Gone /> : <StatusMark status={status} />}
              <span class="library">{institutionOf(thread)}</span>
            </>
          )}
        </span>
        <span class="im-last">{lastLine(desk, thread)}</span>
      </button>
    </li>
  );
}

/** Says that the other librarian is not there or no longer shares a queue with the user, without telling which. */
function Gone() {
  return (
    <span class="status-mark">
      <Icon name="close" /> Not at your queues
    </span>
  );
}

function institutionOf({ counterpart }: Thread): string {
  return counterpart.kind === "librarian" ? counterpart.member.institutionName : "";
}

function lastLine(desk: Desk, thread: Thread): string {
  const [typist] = thread.typists;
  if (typist !== undefined) return `${typist.member.screenName} is typing …`;
  const last = thread.messages.at(-1);
  if (last === undefined) return "";
  const text = beginningOf(last.text, PREVIEWED);
  const own = last.author?.librarianId === desk.im.me;
  if (own) return `You: ${text}`;
  return thread.counterpart.kind === "queue" ? `${last.author?.screenName}: ${text}` : text;
}
