/** All text of a librarian that exists only on this page, by recipient. */
import type { Desk } from "./desk";
import { wordsOf } from "./taking_back";

/** Text for one recipient or in one session. */
export interface UnsentWords {
  key: string;
  whom: string;
  /** The texts, by box or command id. */
  texts: Readonly<Record<string, string>>;
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
    const { patron, note, page, ask, offer, whose } = desk.drafts.of(sessionId);
    const sent = (view?.outgoing ?? [])
      .filter(({ status }) => status !== "sent")
      .map((out) => [out.commandId, wordsOf(out) ?? ""]);
    const texts = { ...Object.fromEntries(sent), patron, note, page, ask, offer };
    return { key: sessionId, whom: view?.session?.patronName || whose || "Patron", texts };
  });
}

function toLibrarians({ im, queueName }: Desk): UnsentWords[] {
  return [...im.conversations.value.threads.values()].map(({ key, counterpart, outgoing }) => {
    const sent = outgoing.filter(({ status }) => status !== "sent").map(({ commandId, deed }) => [commandId, deed]);
    const whom =
      counterpart.kind === "librarian" ? counterpart.member.screenName || "Librarian" : queueName(counterpart.queueId);
    return { key, whom, texts: { ...Object.fromEntries(sent), draft: im.draftOf(key) } };
  });
}
