import { Fragment } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { withTakenBack } from "../../app/parts/taking_back";
import type { Message } from "../../gen/carrel/im/v1/im_service_pb";
import { itemsOf, type ThreadItem } from "../../state/conversations";
import { hasEarlier, lastHeld, type OutgoingMessage, type Thread } from "../../state/thread";
import { clockTime, dayAndTime, machineTime } from "../../time";
import { beginsDay, DayLine } from "../parts/day_line";
import { ToEnd, useFollowing } from "../parts/following";
import { Icon } from "../parts/icon";
import { LinkedText } from "../parts/linked_text";
import { NotSent } from "../parts/not_sent";
import { OwnWord, UnderWay } from "../parts/outgoing_item";

interface ImStreamProps {
  desk: Desk;
  thread: Thread;
  title: string;
}

const NEAR_BEGINNING = 60;

/**
 * The messages of a conversation. It follows its end while the reader is there, and otherwise stays where the reader
 * is.
 */
export function ImStream({ desk, thread, title }: ImStreamProps) {
  const following = useFollowing(thread.key);
  const { box, atEnd, toEnd, scrolled } = following;
  /** How many pixels the reader is from the end: messages added above must not move what they read. */
  const below = useRef(0);
  const items = itemsOf(thread, desk.im.me);
  /** The last message that was there when the reader was at the end. */
  const seen = useRef(lastHeld(thread));
  if (atEnd) seen.current = lastHeld(thread);
  const news = thread.messages.filter(
    ({ position, author }) => Number(position) > seen.current && author?.librarianId !== desk.im.me,
  );
  useLayoutEffect(() => {
    const element = box.current;
    if (element && !atEnd) element.scrollTop = element.scrollHeight - below.current;
  }, [thread.first]);
  useLayoutEffect(() => {
    if (atEnd || items.at(-1)?.kind === "outgoing") toEnd();
  }, [items.length, thread.typists.length, thread.outgoing]);
  const ownLast = items.findLast((item) => item.kind === "message" && item.own);
  return (
    <div class="stream-frame">
      <div
        ref={box}
        class="stream"
        role="log"
        aria-live="off"
        aria-label={`Messages with ${title}`}
        // A scrollable region has to be reachable by keyboard.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        tabIndex={0}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          below.current = scrollHeight - scrollTop;
          scrolled();
          if (scrollTop < NEAR_BEGINNING && scrollHeight > clientHeight) desk.im.earlier();
        }}
      >
        <Beginning desk={desk} thread={thread} title={title} />
        <ol class="items">
          {items.map((item, index) => {
            const isNewDay = item.kind === "message" && beginsDay(item.message.time, timeBefore(items, index));
            return (
              <Fragment key={keyOf(item)}>
                {isNewDay && <DayLine time={item.message.time} />}
                <Item
                  desk={desk}
                  thread={thread}
                  item={item}
                  goesOn={!isNewDay && goesOn(items[index - 1], item)}
                  isLastOwn={item === ownLast}
                />
              </Fragment>
            );
          })}
        </ol>
        <div class="stream-foot">
          <Typing thread={thread} />
        </div>
      </div>
      <ToEnd following={following} news={news.length} />
    </div>
  );
}

/** What is shown above the first message. */
function Beginning({ desk, thread, title }: ImStreamProps) {
  if (hasEarlier(thread)) return <Earlier desk={desk} thread={thread} />;
  if (thread.messages.length > 0 || thread.outgoing.length > 0) {
    return thread.firstKept > 1 ? <p class="im-beginning">Earlier messages are no longer kept.</p> : null;
  }
  if (!desk.im.conversations.value.loaded) return <p class="im-beginning">Loading …</p>;
  return (
    <p class="im-beginning">
      {thread.counterpart.kind === "queue"
        ? `Nothing has been written here yet. Everyone who monitors ${title} reads along.`
        : `Nothing has been written yet. ${title} is told at once, and answers when they can.`}
    </p>
  );
}

function Earlier({ desk, thread }: { desk: Desk; thread: Thread }) {
  const button = useRef<HTMLButtonElement>(null);
  // The button disappears once the first message is there; if it had the focus, the conversation gets it.
  useLayoutEffect(
    () => () => {
      if (document.activeElement !== button.current) return;
      button.current?.closest<HTMLElement>("[role=log]")?.focus({ preventScroll: true });
    },
    [],
  );
  return (
    <p class="im-beginning">
      <button
        ref={button}
        type="button"
        class="link-button"
        aria-disabled={thread.asked === "earlier"}
        onClick={() => desk.im.earlier()}
      >
        {thread.asked === "earlier" ? "Looking for earlier messages …" : "Earlier messages"}
      </button>
    </p>
  );
}

function keyOf(item: ThreadItem): string {
  switch (item.kind) {
    case "message":
      return `m${item.message.position}`;
    case "outgoing":
      return item.outgoing.commandId;
    case "divider":
      return "new";
  }
}

/** The time of the last message before an item. */
function timeBefore(items: readonly ThreadItem[], index: number): Message["time"] {
  for (let at = index - 1; at >= 0; at -= 1) {
    const before = items[at];
    if (before?.kind === "message") return before.message.time;
  }
  return undefined;
}

const ONE_BREATH = 180n;

function goesOn(before: ThreadItem | undefined, item: ThreadItem): boolean {
  if (before?.kind !== "message" || item.kind !== "message") return false;
  const pause = (item.message.time?.seconds ?? 0n) - (before.message.time?.seconds ?? 0n);
  return before.message.author?.librarianId === item.message.author?.librarianId && pause < ONE_BREATH;
}

interface ItemProps {
  desk: Desk;
  thread: Thread;
  item: ThreadItem;
  goesOn: boolean;
  isLastOwn: boolean;
}

function Item({ desk, thread, item, goesOn, isLastOwn }: ItemProps) {
  switch (item.kind) {
    case "divider":
      return (
        <li class="fact im-new">
          <span>New</span>
        </li>
      );
    case "message":
      return <Written thread={thread} message={item.message} own={item.own} goesOn={goesOn} isLastOwn={isLastOwn} />;
    case "outgoing":
      return <Unsettled desk={desk} thread={thread} outgoing={item.outgoing} />;
  }
}

interface WrittenProps {
  thread: Thread;
  message: Message;
  own: boolean;
  goesOn: boolean;
  isLastOwn: boolean;
}

function Written({ thread, message, own, goesOn, isLastOwn }: WrittenProps) {
  const { author, time, text } = message;
  return (
    <li class={`message ${own ? "near own" : "far"} ${goesOn ? "goes-on" : ""}`}>
      <p class={goesOn ? "visually-hidden" : "message-head"}>
        <span class="author">{own ? "You" : author?.screenName || "Librarian"}</span>
        {author?.institutionName && !own && <span class="author-library">{author.institutionName}</span>}
        <time class="time" dateTime={machineTime(time)} title={dayAndTime(time)}>
          {clockTime(time)}
        </time>
      </p>
      <div class="bubble">
        <LinkedText text={text} />
      </div>
      {isLastOwn && (
        <p class="message-state">
          <Icon name="check" /> {reach(thread, Number(message.position))}
        </p>
      )}
    </li>
  );
}

/** How far one of the user's messages has come. A staff room has no single reader whose reading could be shown. */
function reach(thread: Thread, position: number): string {
  if (position <= thread.readByOther) return "Read";
  return position <= thread.deliveredToOther ? "Delivered" : "Sent";
}

function Unsettled({ desk, thread, outgoing }: { desk: Desk; thread: Thread; outgoing: OutgoingMessage }) {
  const { commandId, status, refusal, deed } = outgoing;
  return (
    <OwnWord status={status} text={deed}>
      {status === "failed" ? (
        <NotSent
          refusal={refusal}
          onRetry={() => desk.im.retry(thread.key, commandId)}
          onEdit={() => {
            desk.im.type(thread, withTakenBack(desk.im.draftOf(thread.key), deed));
            desk.im.discard(thread.key, commandId);
            document.getElementById("im-box")?.focus();
          }}
          onDiscard={() => desk.im.discard(thread.key, commandId)}
        />
      ) : (
        <UnderWay outgoing={outgoing} now={desk.link.localNow} stuck={desk.link.isStuck.value} />
      )}
    </OwnWord>
  );
}

function Typing({ thread }: { thread: Thread }) {
  if (thread.typists.length === 0) return null;
  return (
    <p class="typing">
      <span class="typing-dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {thread.typists.map(({ member }) => `${member.screenName || "Librarian"} is typing …`).join(" ")}
    </p>
  );
}
