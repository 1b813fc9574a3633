import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { everyLibrary } from "../app/parts/libraries";
import { IndexPage } from "./index_page";

let root: HTMLElement;
/** Answer the requests, each with a body or with a failure. */
let answers: ((body: object | undefined) => void)[];
let asked: string[];

beforeEach(() => {
  answers = [];
  asked = [];
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    return new Promise<Response>((resolve, reject) => {
      answers.push((body) =>
        body ? resolve(new Response(JSON.stringify(body))) : reject(new TypeError("no network")),
      );
    });
  });
  root = document.createElement("div");
  document.body.append(root);
  const list = everyLibrary();
  render(<IndexPage list={list} />, root);
  void list.reload();
});

afterEach(() => {
  render(null, root);
  root.remove();
  vi.unstubAllGlobals();
});

/** Answers the last request, and waits until the page has drawn it. */
async function answered(body?: object): Promise<void> {
  answers.at(-1)?.(body);
  await drawn();
}

async function drawn(): Promise<void> {
  for (let frame = 0; frame < 3; frame += 1) {
    await new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  }
}

const main = () => root.querySelector("main") as HTMLElement;
const names = () => [...main().querySelectorAll("li strong")].map((name) => name.textContent);
const alert = () => main().querySelector("[role=alert]");
const isBusy = () => main().querySelector("[aria-busy=true]")?.textContent === "One moment …";
const MAPLE = { institutionId: "maple", name: "Maple Library" };
const OAK = { institutionId: "oak", name: "Oak Library" };

describe("the list of libraries", () => {
  it("says that it is on its way until it is there", async () => {
    await drawn();
    expect(isBusy()).toBe(true);
    await answered({ libraries: [MAPLE] });
    expect(isBusy()).toBe(false);
    expect(names()).toEqual(["Maple Library"]);
  });

  it("is shown when all of its pages were read", async () => {
    await answered({ libraries: [MAPLE], nextPageToken: "more" });
    expect(isBusy()).toBe(true);
    await answered({ libraries: [OAK] });
    expect(names()).toEqual(["Maple Library", "Oak Library"]);
    expect(asked.at(-1)).toContain("page_token=more");
  });

  it("says when there is no library, and is no empty list then", async () => {
    await answered({});
    expect(main().textContent).toContain("No library takes questions here yet.");
    expect(main().querySelector("ul")).toBeNull();
  });

  it("says why it could not be read, and is tried again without the focus being lost", async () => {
    await answered();
    expect(alert()?.textContent).toContain("is not answering");
    expect(isBusy()).toBe(false);
    const again = alert()?.querySelector("button");
    again?.focus();
    again?.click();
    await drawn();
    expect(isBusy()).toBe(true);
    expect(alert()).toBeNull();
    expect(document.activeElement?.tagName).toBe("H1");
    await answered({ libraries: [MAPLE] });
    expect(names()).toEqual(["Maple Library"]);
  });
});
