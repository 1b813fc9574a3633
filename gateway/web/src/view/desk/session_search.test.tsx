import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DeskStage, drawn } from "../../testing/desk_stage";
import { until } from "../../testing/until";
import { Transcripts } from "./transcripts";

let stage: DeskStage;
let root: HTMLElement;
/** The filters that were asked for, in order. */
let filters: unknown[];

beforeEach(async () => {
  stage = await DeskStage.open();
  filters = [];
  vi.stubGlobal("fetch", async (_path: string, { body }: RequestInit) => {
    const { filter } = JSON.parse(String(body));
    filters.push(filter);
    const matches = filter.text === undefined || filter.text === "ricky";
    return new Response(JSON.stringify({ sessions: matches ? [{ sessionId: "s", patronName: "Ricky" }] : [] }));
  });
  root = document.createElement("div");
  document.body.append(root);
  render(<Transcripts desk={stage.desk} />, root);
  await until(() => expect(rows()).toEqual(["Ricky"]));
});

afterEach(() => {
  render(null, root);
  root.remove();
  stage.end();
});

const rows = () => [...root.querySelectorAll(".row-name")].map(({ textContent }) => textContent);
const box = () => root.querySelector<HTMLInputElement>("input[type=search]") as HTMLInputElement;
const button = (name: string) => [...root.querySelectorAll("button")].find((one) => one.textContent === name);

async function choose(field: "select" | "input[type=date]", value: string): Promise<void> {
  const control = root.querySelector<HTMLInputElement>(field) as HTMLInputElement;
  control.value = value;
  control.dispatchEvent(new Event("change", { bubbles: true }));
  await drawn();
}

async function look(text: string): Promise<void> {
  box().value = text;
  button("Search")?.click();
  await drawn();
}

describe("looking for ended sessions", () => {
  it("begins with all of them", () => {
    expect(filters).toEqual([{}]);
    expect(button("Show all")).toBeUndefined();
  });

  it("says when none matches, and shows all again with the cursor where a text is written", async () => {
    await look("nobody");
    await until(() => expect(root.textContent).toContain("No ended session matches."));
    expect(root.querySelector(".paged [role=status]")?.textContent).toBe(
      "No ended session matches. What was said in a chat is not searched.",
    );
    button("Show all")?.click();
    await until(() => expect(rows()).toEqual(["Ricky"]));
    expect(document.activeElement).toBe(box());
    expect(box().value).toBe("");
    expect(filters).toEqual([{}, { text: "nobody" }, {}]);
  });

  it("takes the text along when something is chosen", async () => {
    box().value = "ricky";
    await choose("select", "0");
    await choose("input[type=date]", "2026-11-28");
    await until(() => expect(filters).toHaveLength(3));
    expect(filters.slice(1)).toEqual([
      { text: "ricky", resolution: "RESOLUTION_UNSPECIFIED" },
      {
        text: "ricky",
        resolution: "RESOLUTION_UNSPECIFIED",
        endTimeFrom: new Date(2026, 10, 28).toISOString().replace(".000", ""),
      },
    ]);
  });
});
