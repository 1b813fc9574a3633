import { describe, expect, it } from "vitest";
import { type Page, PagedList, type Updating } from "./pages";

interface Entry {
  id: string;
  facts: number;
}

const BY_ID: Updating<Entry> = {
  isSame: (one, other) => one.id === other.id,
  isOlder: (known, now) => known.facts <= now.facts,
};

const page = (ids: string, facts = 0, nextPageToken = ""): Page<Entry> => ({
  entries: [...ids].map((id) => ({ id, facts })),
  nextPageToken,
});

/** A list whose first page is this. */
async function read(first: Page<Entry>): Promise<PagedList<Entry>> {
  const list = new PagedList(async () => first);
  await list.reload();
  return list;
}

const ids = (entries: readonly Entry[] | undefined) => entries?.map(({ id }) => id).join("");
const facts = (entries: readonly Entry[] | undefined) => entries?.map((one) => one.facts).join("");

describe("a list that is brought up to date", () => {
  it("leaves what is shown where it is, with the newest facts, and holds back what is new until it is asked for", async () => {
    const list = await read(page("cba"));
    const update = page("edcb", 1);
    await list.update(async () => update, BY_ID);
    expect(ids(list.entries.value)).toBe("cba");
    expect(facts(list.entries.value)).toBe("110");
    expect(ids(list.news.value)).toBe("ed");
    await list.showNews();
    expect(ids(list.entries.value)).toBe("edcba");
    expect(list.news.value).toEqual([]);
  });

  it("does not go back to older facts", async () => {
    const list = await read(page("a", 2));
    await list.update(async () => page("a", 1), BY_ID);
    expect(facts(list.entries.value)).toBe("2");
  });

  it("shows at once what is new where there was nothing", async () => {
    const list = await read(page(""));
    await list.update(async () => page("a", 0, "more"), BY_ID);
    expect(ids(list.entries.value)).toBe("a");
    expect([list.news.value.length, list.next.value]).toEqual([0, "more"]);
  });

  it("is read again from the start if there may be more news than fit on a page", async () => {
    let first = page("a");
    const list = new PagedList(async () => first);
    await list.reload();
    await list.update(async () => page("edc", 0, "more"), BY_ID);
    first = page("fedc", 0, "more");
    await list.showNews();
    expect(ids(list.entries.value)).toBe("fedc");
    expect(list.news.value).toEqual([]);
  });

  it("keeps what the user has done while the answer was under way", async () => {
    const list = await read(page("a"));
    let answer = (_: Page<Entry>) => {};
    const updated = list.update(() => new Promise<Page<Entry>>((resolve) => (answer = resolve)), BY_ID);
    list.replace(
      () => true,
      (one) => ({ ...one, facts: 5 }),
    );
    answer(page("ba", 9));
    await updated;
    expect(facts(list.entries.value)).toBe("5");
    expect(list.news.value).toEqual([]);
  });

  it("stays as it is if that fails, and says nothing of it", async () => {
    const list = await read(page("a"));
    await list.update(() => Promise.reject(new TypeError("no network")), BY_ID);
    expect(ids(list.entries.value)).toBe("a");
    expect([list.error.value, list.busy.value]).toEqual(["", false]);
  });

  it("has no news any more once it was read again", async () => {
    const list = await read(page("a"));
    await list.update(async () => page("ba"), BY_ID);
    await list.reload();
    expect(list.news.value).toEqual([]);
  });
});
