/** All text of a librarian that exists only on this page, by recipient. */
import { patronOf } from "../../patron_label";
import type { Outgoing } from "../../state/outbox";
import { isDoubtful, wordsOf } from "../parts/taking_back";
import type { Desk } from "./desk";

/** Text for one recipient or in one session. */
export interface UnsentWords {
  key: string;
  whom: string;
  /** The texts, by box or command id. */
  texts: Readonly<Record<string, string>>;
  /** The boxes and command ids whose text may have been sent all the same. */
  doubtful: ReadonlySet<string>;
}

/** Returns what is typed, in flight or refused: first in sessions, then to other librarians. */
export function unsentWords(desk: Desk): UnsentWords[] {
  return [...inSessions(desk), ...toLibrarians(desk)].filter(({ texts }) =>
    Object.values(texts).some((text) => text.trim() !== ""),
  );
}

function inSessions(desk: Desk): UnsentWords[] {
  const sessions = desk.link.sessions.value;
  const ids = new Set([...sessions.keys(), ...desk.leftBehind.value.map(([sessionId]) => sessionId)]);
  return [...ids].map((sessionId) => {
    const view = sessions.get(sessionId);
    const { patron, note, page, ask, offer, whose, doubtful } = desk.drafts.of(sessionId);
    const sent = (view?.outgoing ?? []).filter(({ status }) => status !== "sent");
    const words = sent.map((out) => [out.commandId, wordsOf(out) ?? ""]);
    return {
      key: sessionId,
      whom: patronOf(view?.session, whose || "Patron"),
      texts: { ...Object.fromEntries(words), patron, note, page, ask, offer },
      doubtful: new Set([...doubtful, ...doubtfulIn(sent)]),
    };
  });
}

function toLibrarians({ im, queueName }: Desk): UnsentWords[] {
  return [...im.conversations.value.threads.values()].map(({ key, counterpart, outgoing }) => {
    const sent = outgoing.filter(({ status }) => status !== "sent");
    const words = sent.map(({ commandId, deed }) => [commandId, deed]);
    const whom =
      counterpart.kind === "librarian" ? counterpart.member.screenName || "Librarian" : queueName(counterpart.queueId);
    const texts = { ...Object.fromEntries(words), draft: im.draftOf(key) };
    return { key, whom, texts, doubtful: new Set(doubtfulIn(sent)) };
  });
}

function doubtfulIn<Deed>(sent: readonly Outgoing<Deed>[]): string[] {
  return sent.filter(isDoubtful).map(({ commandId }) => commandId);
}
