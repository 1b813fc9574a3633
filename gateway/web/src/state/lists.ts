/** The lists of live sessions: New, My Active, All, and the sessions offered to the librarian. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { PatronConnection, type Person } from "../gen/carrel/session/v1/session_pb";
import { SessionList, type SessionRow, type WatchSessionsResponse } from "../gen/carrel/session/v1/session_service_pb";
import { PARTS_TAKE } from "./parts";

/**
 * A waiting patron who has just been picked up or left. Shown for a while, so that no row vanishes without explanation.
 */
export interface Departure {
  row: SessionRow;
  /** Who picked the patron up. Absent when the patron left. */
  pickedUpBy: Person | undefined;
  until: number;
}

/** The lists. */
export interface Lists {
  /** Whether the first snapshot has arrived. */
  loaded: boolean;
  rows: ReadonlyMap<string, SessionRow>;
  /**
   * The rows that the last snapshot left out. A long snapshot comes in parts, so they may still follow as changed rows.
   */
  doubtful: ReadonlyMap<string, SessionRow>;
  /** When the doubtful rows count as gone. */
  goneAt: number;
  departures: readonly Departure[];
}

/** The lists before anything is known about them. */
export const noLists: Lists = { loaded: false, rows: new Map(), doubtful: new Map(), goneAt: 0, departures: [] };

const DEPARTURE_SHOWN = 6_000;

/** Returns the lists after a frame from the gateway. */
export function reduceLists(lists: Lists, { change }: WatchSessionsResponse, now: number): Lists {
  switch (change.case) {
    case "snapshot": {
      const rows = new Map(change.value.rows.map((row) => [key(row), row]));
      const before = [...lists.doubtful, ...lists.rows];
      const doubtful = new Map(before.filter(([id]) => !rows.has(id)));
      return { ...lists, loaded: true, rows, doubtful, goneAt: now + PARTS_TAKE };
    }
    case "changed": {
      const id = key(change.value);
      return { ...lists, rows: new Map(lists.rows).set(id, change.value), doubtful: without(lists.doubtful, id) };
    }
    case "removed": {
      const id = key(change.value);
      const row = lists.rows.get(id);
      const next = { ...lists, rows: without(lists.rows, id), doubtful: without(lists.doubtful, id) };
      if (row === undefined || row.list !== SessionList.NEW) return next;
      const departure: Departure = { row, pickedUpBy: change.value.pickedUpBy, until: now + DEPARTURE_SHOWN };
      return { ...next, departures: [...lists.departures, departure] };
    }
    default:
      return lists;
  }
}

/** Removes the departures that were shown long enough, and the doubtful rows that did not come back in time. */
export function expireRows(lists: Lists, now: number): Lists {
  const departures = lists.departures.filter((departure) => now < departure.until);
  const doubtful = now < lists.goneAt ? lists.doubtful : noLists.doubtful;
  if (departures.length === lists.departures.length && doubtful.size === lists.doubtful.size) return lists;
  return { ...lists, departures, doubtful };
}

/**
 * Whether the patron of a row of the New list is waited for. One whose connection is lost can be picked up and may come
 * back, but nobody is called to the desk for them until then (R8).
 */
export function isWaitedFor(row: SessionRow): boolean {
  return row.patronConnection !== PatronConnection.LOST;
}

/**
 * Returns the rows that are new in a list, including sessions with another offer than before and, in the New list,
 * patrons who were lost and are back. There are none if the lists were not loaded before, since then every row is new.
 */
export function arrivals(before: Lists, after: Lists, list: SessionList): SessionRow[] {
  if (!before.loaded || before.rows === after.rows) return [];
  const counts = (row: SessionRow) => list !== SessionList.NEW || isWaitedFor(row);
  const isNew = (row: SessionRow) => {
    const known = before.rows.get(key(row)) ?? before.doubtful.get(key(row));
    return known === undefined || !counts(known) || known.transferOffer?.offerId !== row.transferOffer?.offerId;
  };
  return sorted([...after.rows.values()].filter((row) => row.list === list && counts(row) && isNew(row)));
}

/** What the New list can be sorted by. */
export type SortKey = "waiting" | "patron" | "library";

/** A line of the New list: a patron who is waiting, or one who has just gone. */
export interface WaitingLine {
  row: SessionRow;
  departure: Departure | undefined;
}

/**
 * Returns the lines of the New list. A departure keeps its place for a while, so that no line moves under the pointer.
 */
export function waitingLines(lists: Lists, sort: SortKey = "waiting", reverse = false): WaitingLine[] {
  const waiting = new Set<string>();
  const lines: WaitingLine[] = rowsOf(lists, SessionList.NEW).map((row) => {
    waiting.add(row.sessionId);
    return { row, departure: undefined };
  });
  for (const departure of lists.departures) {
    if (!waiting.has(departure.row.sessionId)) lines.push({ row: departure.row, departure });
  }
  return lines.sort((a, b) => order(a.row, b.row, sort, reverse));
}

/** Returns the rows of one list, the longest waiting first or sorted as the user wants. */
export function rowsOf(lists: Lists, list: SessionList, sort: SortKey = "waiting", reverse = false): SessionRow[] {
  return sorted(
    [...lists.rows.values()].filter((row) => row.list === list),
    sort,
    reverse,
  );
}

/** Returns the rows of one list, including the doubtful ones, which may have gone from it. */
export function perhapsRowsOf({ rows, doubtful }: Lists, list: SessionList): SessionRow[] {
  return sorted([...rows.values(), ...doubtful.values()].filter((row) => row.list === list));
}

/** Returns how many rows a list has. */
export function countOf(lists: Lists, list: SessionList): number {
  let count = 0;
  for (const row of lists.rows.values()) if (row.list === list) count += 1;
  return count;
}

/** Returns how many patrons wait in the New list, without those whose connection is lost. */
export function waitingCount(lists: Lists): number {
  return rowsOf(lists, SessionList.NEW).filter(isWaitedFor).length;
}

function sorted(rows: SessionRow[], sort: SortKey = "waiting", reverse = false): SessionRow[] {
  return rows.sort((a, b) => order(a, b, sort, reverse));
}

function order(a: SessionRow, b: SessionRow, sort: SortKey, reverse: boolean): number {
  return compare(a, b, sort) * (reverse ? -1 : 1) || compare(a, b, "waiting");
}

function compare(a: SessionRow, b: SessionRow, sort: SortKey): number {
  switch (sort) {
    case "waiting":
      // A patron who lost their librarian comes first, whenever they asked (R7).
      return Number(b.returned) - Number(a.returned) || since(a) - since(b) || a.sessionId.localeCompare(b.sessionId);
    case "patron":
      return a.patronName.localeCompare(b.patronName);
    case "library":
      return a.institutionName.localeCompare(b.institutionName);
  }
}

function since(row: SessionRow): number {
  const time = row.waitingSinceTime ?? row.openTime;
  return time ? timestampMs(time) : 0;
}

function without(rows: ReadonlyMap<string, SessionRow>, id: string): ReadonlyMap<string, SessionRow> {
  if (!rows.has(id)) return rows;
  const others = new Map(rows);
  others.delete(id);
  return others;
}

function key({ list, sessionId }: { list: SessionList; sessionId: string }): string {
  return `${list}/${sessionId}`;
}
