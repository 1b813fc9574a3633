import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Page, PagedList } from "../../app/parts/pages";
import { until } from "../../testing/until";
import { Paged } from "./paged";

let root: HTMLElement;
let list: PagedList<string>;
/** Answers the last request. */
let answer: (page: Page<string>) => void;
/** Fails the last request. */
let fail: (error: Error) => void;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
  list = new PagedList<string>(
    () =>
      new Promise((resolve, reject) => {
        answer = resolve;
        fail = reject;
      }),
  );
  show(true);
  void list.reload();
});

function show(connected: boolean): void {
  render(
    <Paged list={list} connected={connected} title="Fruit" lead="" empty="None.">
      {(entries) => <p>{entries.join(" ")}</p>}
    </Paged>,
    root,
  );
}

afterEach(() => {
  render(null, root);
  root.remove();
});

const said = (words: string) => until(() => expect(root.querySelector("[role=status]")?.textContent).toBe(words));
const button = (words: string) => [...root.querySelectorAll("button")].find((one) => one.textContent === words);

describe("a list that comes page by page (D82)", () => {
  it("says that it is being read, and how much is shown then", async () => {
    await said("Loading …");
    answer({ entries: ["apple"], nextPageToken: "more" });
    await said("1 shown, and there are more.");
    button("Refresh")?.click();
    await said("Loading …");
    answer({ entries: ["apple", "pear"], nextPageToken: "" });
    await said("2 shown, which is all.");
  });

  it("reads what it could not read when it is told to, and when the connection is back", async () => {
    answer({ entries: ["apple"], nextPageToken: "more" });
    await until(() => expect(button("Show more")).toBeDefined());
    button("Refresh")?.click();
    fail(new Error("gone"));
    await until(() => expect(button("Try again")).toBeDefined());
    button("Try again")?.click();
    answer({ entries: ["pear"], nextPageToken: "more" });
    await said("1 shown, and there are more.");
    expect(root.textContent).toContain("pear");

    button("Show more")?.click();
    show(false);
    fail(new Error("gone"));
    await until(() => expect(button("Try again")).toBeDefined());
    show(true);
    await until(() => expect(button("Try again")).toBeUndefined());
    answer({ entries: ["plum"], nextPageToken: "" });
    await until(() => expect(root.textContent).toContain("pear plum"));
  });

  it("has the focus at its end when the last page is there, and its button is not", async () => {
    answer({ entries: ["apple"], nextPageToken: "more" });
    await until(() => expect(button("Show more")).toBeDefined());
    button("Show more")?.focus();
    button("Show more")?.click();
    answer({ entries: ["pear"], nextPageToken: "" });
    await until(() => expect(document.activeElement?.textContent).toBe("That is all."));
  });
});
