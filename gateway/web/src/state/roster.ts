/** The Librarians list: who is at the desk, as far as the user may know. */
import { type LibrarianRow, Status, type WatchDeskResponse } from "../gen/carrel/presence/v1/presence_service_pb";
import { goneBy, type LeftOut, leftOutOf, nothingLeftOut, settled } from "./parts";

/** The librarians. */
export interface Roster {
  /** Whether the first snapshot has arrived. */
  loaded: boolean;
  librarians: ReadonlyMap<string, LibrarianRow>;
  /** Those of them whom the last snapshot left out, and who may still follow. */
  leftOut: LeftOut;
}

/** The roster before anything is known about it. */
export const noRoster: Roster = { loaded: false, librarians: new Map(), leftOut: nothingLeftOut };

/** Returns the roster after a change of the desk. */
export function reduceRoster(roster: Roster, { change }: WatchDeskResponse, now: number): Roster {
  switch (change.case) {
    case "snapshot": {
      const there = new Map(change.value.librarians.map((row) => [row.librarianId, row]));
      const leftOut = leftOutOf(there, roster.librarians.keys(), now);
      return { loaded: true, librarians: new Map([...roster.librarians, ...there]), leftOut };
    }
    case "librarian": {
      const { librarianId } = change.value;
      const librarians = new Map(roster.librarians).set(librarianId, change.value);
      return { ...roster, librarians, leftOut: settled(roster.leftOut, librarianId, now) };
    }
    case "librarianGone": {
      const { librarianId } = change.value;
      const librarians = new Map(roster.librarians);
      if (!librarians.delete(librarianId)) return roster;
      return { ...roster, librarians, leftOut: settled(roster.leftOut, librarianId, now) };
    }
    default:
      return roster;
  }
}

/** Removes the librarians whom the last snapshot left out and who did not follow in time. */
export function expireLibrarians(roster: Roster, now: number): Roster {
  const gone = goneBy(roster.leftOut, now);
  if (gone.size === 0) return roster;
  const librarians = new Map([...roster.librarians].filter(([id]) => !gone.has(id)));
  return { ...roster, librarians, leftOut: nothingLeftOut };
}

/** What the Librarians list can be sorted by. */
export type RosterSort = "librarian" | "queues" | "active" | "queue";

/** Returns the librarians in order. Ties are sorted by name, so that no line moves without a reason. */
export function librariansOf(roster: Roster, sort: RosterSort = "librarian", reverse = false): LibrarianRow[] {
  const turn = reverse ? -1 : 1;
  return [...roster.librarians.values()].sort((a, b) => compare(a, b, sort) * turn || byName(a, b));
}

/** Whether the user may write to a librarian: only if they monitor a common queue (S36, D20). */
export function shares(row: LibrarianRow): boolean {
  return row.sharedQueueIds.length > 0;
}

const WORDS: Readonly<Record<Status, string>> = {
  [Status.UNSPECIFIED]: "Not known",
  [Status.AVAILABLE]: "Available",
  [Status.BUSY]: "Busy",
  [Status.ACCEPT_NO_NEW]: "Accept no new",
  [Status.AWAY]: "Away",
};

/** Returns the name of a status. */
export function statusWord(status: Status): string {
  return WORDS[status] ?? WORDS[Status.UNSPECIFIED];
}

function compare(a: LibrarianRow, b: LibrarianRow, sort: RosterSort): number {
  switch (sort) {
    case "librarian":
      return byName(a, b);
    case "queues":
      return a.queueCount - b.queueCount;
    case "active":
      return a.activeCount - b.activeCount;
    case "queue":
      return a.primaryQueueName.localeCompare(b.primaryQueueName);
  }
}

function byName(a: LibrarianRow, b: LibrarianRow): number {
  return a.screenName.localeCompare(b.screenName) || a.librarianId.localeCompare(b.librarianId);
}
