import type { ReadonlySignal } from "@preact/signals";
import type { Desk } from "../../app/desk/desk";
import { Part, PatronConnection } from "../../gen/carrel/session/v1/session_pb";
import { type Wait, waitOf } from "../../state/awaited";
import { roughly, stopwatch } from "../../time";
import { Hidden } from "../parts/hidden";
import { Icon } from "../parts/icon";

const LOOKS: Partial<Record<PatronConnection, { class: string; word: string; title: string }>> = {
  [PatronConnection.CONNECTED]: { class: "here", word: "connected", title: "The patron is connected." },
  [PatronConnection.AWAY]: {
    class: "away",
    word: "away",
    title: "The patron's connection is gone for the moment. What you write waits for them.",
  },
  [PatronConnection.LOST]: {
    class: "lost",
    word: "lost",
    title: "The patron's connection is lost. They can still come back, and then read what you have written.",
  },
};

/** Shows whether the patron is there (D50): a full, a half or an open circle, with a word. */
export function ConnectionState({ connection }: { connection: PatronConnection }) {
  const look = LOOKS[connection];
  if (look === undefined) return null;
  return (
    <span class={`patron-state ${look.class}`} title={look.title}>
      <span class="patron-dot" aria-hidden="true" />
      <span class="visually-hidden">Patron </span>
      {look.word}
    </span>
  );
}

/** Whether the patron of a session is typing to the librarian at this desk. */
export function isPatronTyping(desk: Desk, sessionId: string): boolean {
  return desk.link.typists.value.some((typist) => typist.sessionId === sessionId && typist.author.part === Part.PATRON);
}

interface PatronMarksProps {
  connection: PatronConnection;
  typing: boolean;
  /** How many events of the session the librarian has not seen. */
  unread: number;
}

/** The marks of a row: whether the patron is there, whether they are typing, and how much is unread (D50). */
export function PatronMarks({ connection, typing, unread }: PatronMarksProps) {
  return (
    <>
      <ConnectionState connection={connection} />
      {typing && (
        <span class="patron-typing">
          <Icon name="pen" /> typing
        </span>
      )}
      {unread > 0 && <span class="unread">{unread} new</span>}
    </>
  );
}

const WAITS: Record<Wait, { class: string; words: string }> = {
  short: { class: "", words: "Waits for you" },
  long: { class: "long", words: "Waits long for you" },
  "too long": { class: "too-long", words: "Waits too long for you" },
};

interface AnswerWaitProps {
  /** The clock, in milliseconds. */
  now: ReadonlySignal<number>;
  /** Since when the patron waits for an answer, by that clock. */
  since: number | undefined;
}

/** Says that the patron waits for an answer, and how long. It reads the clock itself: nothing else is drawn anew. */
export function AnswerWait({ now, since }: AnswerWaitProps) {
  if (since === undefined) return null;
  const ms = Math.max(0, now.value - since);
  const look = WAITS[waitOf(ms)];
  return (
    <span class={`answer-wait ${look.class}`}>
      <Icon name="clock" /> {look.words} <span aria-hidden="true">{stopwatch(ms)}</span>
      <Hidden>{roughly(ms)}</Hidden>
    </span>
  );
}
