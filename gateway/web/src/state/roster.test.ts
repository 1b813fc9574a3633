import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  type LibrarianRow,
  LibrarianRowSchema,
  type QueueState,
  QueueStateSchema,
  WatchDeskResponseSchema,
} from "../gen/carrel/presence/v1/presence_service_pb";
import { generator } from "../testing/generator";
import { PARTS_TAKE } from "./parts";
import { noQueues, othersWords, reduceQueues, staffWords, waitingWords } from "./queues";
import { expireLibrarians, librariansOf, noRoster, type Roster, reduceRoster } from "./roster";

type Change =
  | { snapshot: LibrarianRow[]; queues?: QueueState[] }
  | { librarian: LibrarianRow }
  | { gone: string }
  | { queue: QueueState };

function row(librarianId: string, facts: Partial<Pick<LibrarianRow, "activeCount" | "queueCount">> = {}): LibrarianRow {
  return create(LibrarianRowSchema, { librarianId, screenName: librarianId, ...facts });
}

function queue(queueId: string, facts: Partial<Omit<QueueState, "$typeName" | "$unknown">> = {}): QueueState {
  return create(QueueStateSchema, { queueId, name: queueId, open: true, ...facts });
}

function message(change: Change) {
  return create(WatchDeskResponseSchema, { change: changeOf(change) });
}

function changeOf(change: Change) {
  if ("snapshot" in change) {
    return { case: "snapshot" as const, value: { librarians: change.snapshot, queues: change.queues ?? [] } };
  }
  if ("librarian" in change) return { case: "librarian" as const, value: change.librarian };
  if ("gone" in change) return { case: "librarianGone" as const, value: { librarianId: change.gone } };
  return { case: "queue" as const, value: change.queue };
}

const apply = (roster: Roster, change: Change) => reduceRoster(roster, message(change), 0);
const ids = (rows: readonly LibrarianRow[]) => rows.map(({ librarianId }) => librarianId);

describe("the Librarians list (S39, D19)", () => {
  it("knows nothing before the snapshot, and only what it says after it", () => {
    expect(noRoster.loaded).toBe(false);
    const roster = apply(apply(noRoster, { snapshot: [row("a"), row("b")] }), { snapshot: [row("c")] });
    expect(roster.loaded).toBe(true);
    expect(ids(librariansOf(expireLibrarians(roster, PARTS_TAKE)))).toEqual(["c"]);
  });

  it("shows nobody as gone while the rest of a long snapshot may follow", () => {
    const before = apply(noRoster, { snapshot: [row("a"), row("b"), row("c"), row("d")] });
    const again = apply(before, { snapshot: [row("a")] });
    expect(ids(librariansOf(expireLibrarians(again, PARTS_TAKE - 1)))).toEqual(["a", "b", "c", "d"]);
    const late = reduceRoster(again, message({ librarian: row("b") }), PARTS_TAKE - 1);
    const gone = reduceRoster(late, message({ gone: "c" }), PARTS_TAKE - 1);
    expect(ids(librariansOf(expireLibrarians(gone, PARTS_TAKE)))).toEqual(["a", "b", "d"]);
    expect(ids(librariansOf(expireLibrarians(gone, 2 * PARTS_TAKE)))).toEqual(["a", "b"]);
  });

  it("stands in the order that the user wants, equal ones by name", () => {
    const rows = [row("cy", { activeCount: 1 }), row("al", { activeCount: 2 }), row("bo", { activeCount: 1 })];
    const roster = apply(noRoster, { snapshot: rows });
    expect(ids(librariansOf(roster))).toEqual(["al", "bo", "cy"]);
    expect(ids(librariansOf(roster, "active"))).toEqual(["bo", "cy", "al"]);
    expect(ids(librariansOf(roster, "active", true))).toEqual(["al", "bo", "cy"]);
  });

  it("equals a recount after any changes, and a change applied twice changes nothing more", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = generator(seed);
      const truth = new Map<string, LibrarianRow>();
      let roster = noRoster;
      for (let count = 0; count < 60; count += 1) {
        const one = row(`l${Math.floor(random() * 6)}`, { activeCount: Math.floor(random() * 4) });
        const dice = random();
        let change: Change = { librarian: one };
        if (dice < 0.05) change = { snapshot: [...truth.values()] };
        else if (dice < 0.6) truth.set(one.librarianId, one);
        else {
          truth.delete(one.librarianId);
          change = { gone: one.librarianId };
        }
        roster = apply(roster, change);
        expect(new Map(roster.librarians)).toEqual(truth);
        expect(apply(roster, change)).toEqual(roster);
      }
    }
  });
});

describe("how the queues stand", () => {
  it("follows snapshot and changes", () => {
    const before = reduceQueues(noQueues, message({ snapshot: [], queues: [queue("a"), queue("b")] }));
    const after = reduceQueues(before, message({ queue: queue("b", { waiting: 2 }) }));
    expect(after.get("b")?.waiting).toBe(2);
    expect(reduceQueues(after, message({ gone: "x" }))).toBe(after);
    const again = reduceQueues(after, message({ snapshot: [], queues: [queue("a", { waiting: 3 })] }));
    expect(again.get("a")?.waiting).toBe(3);
    expect(again.get("b")?.waiting, "it may still follow").toBe(2);
  });

  it("is said in words: who waits, for how long, and whether anybody is there", () => {
    expect(waitingWords(queue("a"), 0)).toBe("Nobody waiting");
    const waits = queue("a", { waiting: 2, oldestTime: timestampFromMs(1_000) });
    expect(waitingWords(waits, 31_000)).toBe("2 waiting, the longest 30 s");
    expect(staffWords(queue("a"))).toBe("Nobody there");
    expect(staffWords(queue("a", { librarians: 1, staffed: true }))).toBe("1 librarian");
    expect(staffWords(queue("a", { librarians: 2 }))).toBe("2 librarians, nobody takes new patrons");
    expect(staffWords(queue("a", { open: false }))).toBe("Closed");
    expect(othersWords(queue("a", { librarians: 1, staffed: true })), "they are the one librarian").toBe(
      "Nobody but you",
    );
    expect(othersWords(queue("a", { librarians: 2, staffed: true }))).toBe("1 librarian");
  });
});
