import { describe, expect, it } from "vitest";
import { PagedList } from "../parts/pages";
import { MergedPages, type Source } from "./merged_pages";

/** A source of numbers, which are their own times, in pages of this size. */
function numbers(all: readonly number[], size: number, asked: string[] = []): Source<number> {
  return {
    timeOf: (entry) => entry,
    fetchPage: async (pageToken) => {
      asked.push(pageToken);
      const from = Number(pageToken || 0);
      const end = from + size;
      return { entries: all.slice(from, end), nextPageToken: end < all.length ? String(end) : "" };
    },
  };
}

/** Reads a list to its end and returns its entries. */
async function readAll(list: PagedList<number>): Promise<readonly number[]> {
  await list.reload();
  while (list.next.value !== "") await list.more();
  return list.entries.value ?? [];
}

describe("lists that are shown as one", () => {
  it("have each entry once and the newest first, however their pages fall", async () => {
    const one = [90, 80, 70, 40, 30, 10];
    const other = [85, 84, 83, 82, 20, 5];
    const expected = [...one, ...other].sort((a, b) => b - a);
    for (let size = 1; size <= 7; size += 1) {
      for (let otherSize = 1; otherSize <= 7; otherSize += 1) {
        const merged = new MergedPages([numbers(one, size), numbers(other, otherSize)]);
        const list = new PagedList(merged.fetchPage);
        expect(await readAll(list)).toEqual(expected);
        expect(await readAll(list)).toEqual(expected);
      }
    }
  });

  it("may be empty, or have but one", async () => {
    expect(await readAll(new PagedList(new MergedPages([numbers([], 5), numbers([], 5)]).fetchPage))).toEqual([]);
    const merged = new MergedPages([numbers([], 5), numbers([3, 2, 1], 2)]);
    expect(await readAll(new PagedList(merged.fetchPage))).toEqual([3, 2, 1]);
    expect(await readAll(new PagedList(new MergedPages([numbers([2, 1], 1)]).fetchPage))).toEqual([2, 1]);
  });

  it("ask for no more than they show", async () => {
    const asked: string[] = [];
    const list = new PagedList(new MergedPages([numbers([9, 8, 7], 1), numbers([2, 1], 1, asked)]).fetchPage);
    await list.reload();
    await list.more();
    expect(list.entries.value).toEqual([9, 8]);
    expect(asked).toEqual([""]);
  });

  it("lose and repeat nothing when a page can't be fetched at first", async () => {
    let works = true;
    const source = numbers([9, 5, 1], 1);
    const fragile: Source<number> = {
      ...source,
      fetchPage: (pageToken) => (works ? source.fetchPage(pageToken) : Promise.reject(new TypeError("no network"))),
    };
    const list = new PagedList(new MergedPages([fragile, numbers([8, 4], 2)]).fetchPage);
    await list.reload();
    works = false;
    await list.reload();
    expect(list.error.value).not.toBe("");
    await list.more();
    expect(list.entries.value).toEqual([9]);
    works = true;
    while (list.next.value !== "") await list.more();
    expect(list.entries.value).toEqual([9, 8, 5, 4, 1]);
  });
});
