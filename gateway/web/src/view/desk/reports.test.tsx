import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { namedSpan } from "../../app/desk/report_span";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { DeskStage, drawn } from "../../testing/desk_stage";
import { until } from "../../testing/until";

let stage: DeskStage;
/** What the server answers, one after another; then nothing has ended. */
let pages: (object | undefined)[];
let asked: { filter: Record<string, string> }[];

const noon = (day: string, minute: number) => new Date(`${day}T12:${String(minute).padStart(2, "0")}:00`).toISOString();
const { lastDay: TODAY } = namedSpan("this-month", new Date());
const SESSION = {
  sessionId: "s",
  patronName: "Ricky",
  openTime: noon(TODAY, 0),
  firstPickUpTime: noon(TODAY, 1),
  endTime: noon(TODAY, 11),
  resolution: "RESOLUTION_FOLLOW_UP_BY_ME",
  owner: { librarianId: "map", name: "Ms Map", institutionName: "Harbor Library" },
};

beforeEach(() => {
  pages = [];
  asked = [];
  vi.stubGlobal("fetch", async (path: string, init?: { body?: string }) => {
    if (path !== "/v1/ended-sessions") return new Response("{}");
    asked.push(JSON.parse(init?.body ?? ""));
    const page = pages.length === 0 ? {} : pages.shift();
    if (page === undefined) throw new TypeError("no network");
    return new Response(JSON.stringify(page));
  });
});

afterEach(() => stage.end());

async function open(role = Role.ASK_ADMINISTRATOR): Promise<void> {
  stage = await DeskStage.open({}, role);
  stage.root.querySelector<HTMLElement>("#tab-reports")?.click();
  await drawn();
}

const panel = () => stage.root.querySelector<HTMLElement>("#panel-reports");
const said = () => panel()?.textContent ?? "";
const field = <Field extends HTMLInputElement | HTMLSelectElement>(label: string) => {
  const found = [...(panel()?.querySelectorAll("label") ?? [])].find(({ textContent }) =>
    textContent?.startsWith(label),
  );
  return found?.querySelector("input, select") as Field;
};

async function choose(label: string, value: string): Promise<void> {
  const box = field(label);
  box.value = value;
  box.dispatchEvent(new Event("change", { bubbles: true }));
  await drawn();
}

describe("the reports of a library (D71)", () => {
  it("are for administrators and ask administrators", async () => {
    await open(Role.LIBRARIAN);
    expect(stage.root.querySelector("#tab-reports")).toBeNull();
    expect(panel()).toBeNull();
  });

  it("begin with the last thirty days", async () => {
    pages = [{ sessions: [SESSION] }];
    await open();
    await until(() => expect(said()).toContain("Picked up"));
    const { firstDay, lastDay } = namedSpan("last-30-days", new Date());
    expect([field("From").value, field("until").value]).toEqual([firstDay, lastDay]);
    const row = (name: string) =>
      [...(panel()?.querySelectorAll("tr") ?? [])].find(
        ({ firstElementChild }) => firstElementChild?.textContent === name,
      )?.textContent;
    expect(row("Follow-up by the librarian")).toBe("Follow-up by the librarian1100%");
    expect(row("Harbor Library")).toBe("Harbor Library1100%60 s10 min");
    expect(row("Ms Map, Harbor Library")).toBe("Ms Map, Harbor Library110 min");
    expect(said()).not.toContain("Ricky");
    expect(said(), "nobody said what it was about").not.toContain("What they were about");
  });

  it("say what sessions were about, if anybody did (D65)", async () => {
    pages = [{ sessions: [SESSION, { ...SESSION, sessionId: "t", descriptiveCodes: ["Maps", "Fines"] }] }];
    await open();
    await until(() => expect(said()).toContain("What they were about"));
    const table = panel()?.querySelector("[aria-label='What they were about']");
    const rows = [...(table?.querySelectorAll("tbody tr") ?? [])].map(({ textContent }) => textContent);
    expect(rows).toEqual(["Maps150%", "Fines150%", "No descriptive code150%"]);
  });

  it("say how many another library has answered, if any has (D31)", async () => {
    const own = { ...SESSION, sessionId: "t", institutionName: "Harbor Library" };
    pages = [{ sessions: [own, { ...SESSION, institutionName: "Maple Library" }] }, { sessions: [own] }];
    await open();
    const figures = () => panel()?.querySelector(".report-totals")?.textContent;
    await until(() => expect(figures()).toContain("Answered by other libraries1 50%"));
    await choose("Span", "this-month");
    await until(() => expect(figures()).toContain("Sessions1"));
    expect(figures()).not.toContain("Answered by other libraries");
  });

  it("say so when nothing ended in these days", async () => {
    await open();
    await until(() => expect(said()).toContain("No session ended in these days."));
  });

  it("are made anew for other days", async () => {
    await open();
    await choose("Span", "last-year");
    const { firstDay, lastDay } = namedSpan("last-year", new Date());
    await until(() => expect(asked).toHaveLength(2));
    expect([field("From").value, field("until").value]).toEqual([firstDay, lastDay]);
    await choose("From", `${firstDay.slice(0, 4)}-12-31`);
    await until(() => expect(asked).toHaveLength(3));
    expect(field<HTMLSelectElement>("Span").selectedOptions[0]?.textContent).toBe("Chosen days");
    expect(asked[2]?.filter.endTimeBefore).toBe(asked[1]?.filter.endTimeBefore);
  });

  it("say what is wrong with days, and ask for nothing", async () => {
    await open();
    await until(() => expect(said()).toContain("No session ended"));
    await choose("until", "2001-01-01");
    expect(panel()?.querySelector("[role=alert]")?.textContent).toContain("before the first");
    expect(said()).not.toContain("No session ended");
    expect(asked).toHaveLength(1);
  });

  it("can be gone on with after a failure", async () => {
    pages = [{ sessions: [SESSION], nextPageToken: "2", searchedToTime: SESSION.endTime }, undefined];
    await open();
    await until(() => expect(panel()?.querySelector("[role=alert]")).not.toBeNull());
    expect(said()).not.toContain("Picked up");
    panel()?.querySelector<HTMLElement>(".link-button")?.click();
    await until(() => expect(said()).toContain("Picked up"));
    expect(panel()?.querySelector("[role=alert]")).toBeNull();
  });
});
