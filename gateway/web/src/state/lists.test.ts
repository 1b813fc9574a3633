import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { PatronConnection, PersonSchema } from "../gen/carrel/session/v1/session_pb";
import {
  SessionList,
  type SessionRow,
  SessionRowSchema,
  WatchSessionsResponseSchema,
} from "../gen/carrel/session/v1/session_service_pb";
import { generator } from "../testing/generator";
import {
  arrivals,
  expireRows,
  type Lists,
  noLists,
  perhapsRowsOf,
  reduceLists,
  rowsOf,
  waitingCount,
  waitingLines,
} from "./lists";

type Change = { snapshot: SessionRow[] } | { changed: SessionRow } | { removed: SessionRow; by?: string };

function row(sessionId: string, list = SessionList.NEW, asked = 0, patronName = sessionId): SessionRow {
  return create(SessionRowSchema, { list, sessionId, patronName, openTime: timestampFromMs(asked) });
}

function apply(lists: Lists, change: Change, now = 0): Lists {
  return reduceLists(lists, create(WatchSessionsResponseSchema, { change: changeOf(change) }), now);
}

function changeOf(change: Change) {
  if ("snapshot" in change) return { case: "snapshot" as const, value: { rows: change.snapshot } };
  if ("changed" in change) return { case: "changed" as const, value: change.changed };
  const { list, sessionId } = change.removed;
  const by = change.by === undefined ? {} : { pickedUpBy: create(PersonSchema, { name: change.by }) };
  return { case: "removed" as const, value: { list, sessionId, ...by } };
}

const ids = (rows: readonly SessionRow[]) => rows.map(({ sessionId }) => sessionId);

describe("the lists", () => {
  it("know nothing before the snapshot, and only what it says after it", () => {
    expect(noLists.loaded).toBe(false);
    const lists = apply(apply(noLists, { snapshot: [row("a"), row("b")] }), { snapshot: [row("c")] });
    expect(lists.loaded).toBe(true);
    expect(ids(rowsOf(lists, SessionList.NEW))).toEqual(["c"]);
  });

  it("keep the same session apart in different lists", () => {
    const lists = apply(apply(noLists, { snapshot: [row("a")] }), { changed: row("a", SessionList.MY_ACTIVE) });
    const moved = apply(lists, { removed: row("a") });
    expect(ids(rowsOf(moved, SessionList.NEW))).toEqual([]);
    expect(ids(rowsOf(moved, SessionList.MY_ACTIVE))).toEqual(["a"]);
  });

  it("show the longest waiting first, or what the user wants first (D30)", () => {
    const rows = [
      row("x", SessionList.NEW, 30, "Bo"),
      row("y", SessionList.NEW, 10, "Cy"),
      row("z", SessionList.NEW, 20, "Al"),
    ];
    const lists = apply(noLists, { snapshot: rows });
    expect(ids(rowsOf(lists, SessionList.NEW))).toEqual(["y", "z", "x"]);
    expect(ids(rowsOf(lists, SessionList.NEW, "patron"))).toEqual(["z", "x", "y"]);
    expect(ids(rowsOf(lists, SessionList.NEW, "patron", true))).toEqual(["y", "x", "z"]);
  });

  it("have who lost their librarian first in line, whenever they asked (R7)", () => {
    const returned = { ...row("y", SessionList.NEW, 30), returned: true };
    const rows = [row("x", SessionList.NEW, 10), returned, row("z", SessionList.NEW, 20)];
    const lists = apply(noLists, { snapshot: rows });
    expect(waitingLines(lists).map((line) => line.row.sessionId)).toEqual(["y", "x", "z"]);
    expect(waitingLines(lists, "waiting", true).map((line) => line.row.sessionId)).toEqual(["z", "x", "y"]);
  });

  it("say who picked a patron up, in the patron's place, for a while (D28)", () => {
    const rows = [row("a", SessionList.NEW, 1), row("b", SessionList.NEW, 2), row("c", SessionList.NEW, 3)];
    const lists = apply(apply(noLists, { snapshot: rows }), { removed: row("b"), by: "Ms Map" }, 1_000);
    const lines = waitingLines(lists);
    expect(lines.map((line) => line.row.sessionId)).toEqual(["a", "b", "c"]);
    expect(lines[1]?.departure?.pickedUpBy?.name).toBe("Ms Map");
    expect(waitingLines(expireRows(lists, 60_000)).map((line) => line.row.sessionId)).toEqual(["a", "c"]);
  });

  it("take a row that a later part of a snapshot brings back as one that was always there", () => {
    const before = apply(noLists, { snapshot: [row("a"), row("b"), row("c")] });
    const first = apply(before, { snapshot: [row("a")] }, 1_000);
    expect(ids(rowsOf(first, SessionList.NEW))).toEqual(["a"]);
    expect(ids(perhapsRowsOf(first, SessionList.NEW))).toEqual(["a", "b", "c"]);
    const second = apply(first, { changed: row("b") }, 1_500);
    expect(ids(arrivals(first, second, SessionList.NEW))).toEqual([]);
    // Another snapshot begins before the last part of this one has arrived.
    const again = apply(second, { snapshot: [row("a")] }, 2_000);
    expect(ids(arrivals(again, apply(again, { changed: row("c") }), SessionList.NEW))).toEqual([]);
    const after = expireRows(again, 4_000);
    expect(ids(perhapsRowsOf(after, SessionList.NEW))).toEqual(["a"]);
    expect(ids(arrivals(after, apply(after, { changed: row("c") }), SessionList.NEW))).toEqual(["c"]);
  });

  it("let a row go at once that is said to have gone", () => {
    const first = apply(apply(noLists, { snapshot: [row("a")] }), { snapshot: [] });
    const removed = apply(first, { removed: row("a") });
    expect(perhapsRowsOf(removed, SessionList.NEW)).toEqual([]);
    expect(ids(arrivals(removed, apply(removed, { changed: row("a") }), SessionList.NEW))).toEqual(["a"]);
  });

  it("count who waits, without those whose connection is lost and who are in their place all the same (R8)", () => {
    const lost = { ...row("y", SessionList.NEW, 10), patronConnection: PatronConnection.LOST };
    const away = { ...row("x", SessionList.NEW, 20), patronConnection: PatronConnection.AWAY };
    const lists = apply(noLists, { snapshot: [away, lost, row("z", SessionList.NEW, 30), row("m", SessionList.ALL)] });
    expect(ids(rowsOf(lists, SessionList.NEW))).toEqual(["y", "x", "z"]);
    expect(waitingCount(lists)).toBe(2);
    const back = apply(lists, { changed: { ...lost, patronConnection: PatronConnection.CONNECTED } });
    expect(waitingCount(back)).toBe(3);
    expect(ids(arrivals(lists, back, SessionList.NEW))).toEqual(["y"]);
  });

  it("equal a recount after any changes", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = generator(seed);
      const truth = new Map<string, SessionRow>();
      let lists = noLists;
      for (let count = 0; count < 60; count += 1) {
        const list = [SessionList.NEW, SessionList.MY_ACTIVE, SessionList.ALL][Math.floor(random() * 3)];
        const one = row(`s${Math.floor(random() * 6)}`, list, Math.floor(random() * 9));
        const key = `${one.list}/${one.sessionId}`;
        const dice = random();
        if (dice < 0.05) {
          lists = apply(lists, { snapshot: [...truth.values()] });
        } else if (dice < 0.6) {
          truth.set(key, one);
          lists = apply(lists, { changed: one });
        } else {
          truth.delete(key);
          lists = apply(lists, { removed: one });
        }
        expect([...lists.rows.keys()].sort()).toEqual([...truth.keys()].sort());
      }
    }
  });
});
