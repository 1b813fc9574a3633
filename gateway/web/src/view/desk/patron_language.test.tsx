import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, ROW } from "../../testing/desk_stage";
import { foreignLanguage } from "./patron_language";

let stage: DeskStage;

beforeEach(async () => {
  stage = await DeskStage.open({ held: ["s"] });
});

afterEach(() => stage.end());

const waiting = (more: object) => ({ ...ROW, list: SessionList.NEW, queueIds: ["main"], ...more });

/** The waiting patron's row, with its preview. */
async function shows(more: object): Promise<HTMLElement> {
  stage.lists({ case: "snapshot", value: { rows: [waiting(more)] } });
  await drawn();
  stage.root.querySelector(".waiting-row")?.dispatchEvent(new Event("pointerenter"));
  await drawn();
  return stage.root.querySelector<HTMLElement>(".waiting-row") as HTMLElement;
}

describe("the language in which a patron reads the page (D84)", () => {
  it("is worth a word where it is not the first one of the librarian's own library", async () => {
    const words = (...tags: string[]) => tags.map((tag) => foreignLanguage(stage.desk, tag));
    expect(words("", "en", "en-GB", "fr", "pt-BR")).toEqual(["", "", "", "French", "Brazilian Portuguese"]);
    stage.close();
    stage = await DeskStage.open({}, undefined, { language: "fr" });
    expect(words("", "en", "fr", "fr-CA")).toEqual(["", "English", "", ""]);
  });

  it("is shown as it was sent where the browser knows no such language", () => {
    expect(foreignLanguage(stage.desk, "xx-abcdefgh-1")).not.toBe("");
  });

  it("is in the preview of a waiting patron, and read out with the row", async () => {
    const row = await shows({ language: "fr" });
    expect(row.querySelector(".preview .facts")?.textContent).toContain("ReadsFrench");
    const told = row.querySelector(".row-main")?.getAttribute("aria-describedby")?.split(" ")[0] ?? "";
    expect(document.getElementById(told)?.textContent).toBe("The patron reads the page in French.");
    expect((await shows({ language: "en" })).textContent).not.toContain("Reads");
  });

  it("is at the head of the session, where there is one to tell", async () => {
    const facts = () => stage.root.querySelector(".session-facts")?.textContent ?? "";
    for (const [language, told] of [
      ["en", false],
      ["es", true],
    ] as const) {
      await stage.attending(Part.OWNER, { language });
      stage.desk.select("s");
      await drawn();
      expect(facts().includes("reads Spanish"), language).toBe(told);
    }
  });
});

describe("what a patron has added to the question while they wait (D30)", () => {
  it("is below the question, in the row, in its preview and in the dialog for those who can't point", async () => {
    const row = await shows({ added: "The one of 1890\nor of 1891?" });
    expect(row.querySelector(".row-question")?.textContent).toContain("The one of 1890");
    const question = () => row.querySelector(".preview .preview-question")?.textContent;
    expect(question()).toBe("Where is the plat book?Added while waiting:\nThe one of 1890\nor of 1891?");
    stage.desk.ask({ kind: "question", row: stage.desk.lists.value.rows.values().next().value as never });
    await drawn();
    const dialog = () => stage.root.querySelector("dialog section")?.textContent;
    expect(dialog()).toContain("or of 1891?");
    // What comes while it is read is there, too.
    stage.lists({ case: "changed", value: waiting({ added: "Or any of them." }) });
    await drawn();
    expect(dialog()).toContain("Or any of them.");
  });

  it("is said to be cut where it is", async () => {
    const row = await shows({ added: "x".repeat(1_000) });
    expect(row.querySelector(".preview p.hint")?.textContent).toContain("first 1,000 characters of what was added");
    expect((await shows({ added: "x" })).querySelector(".preview")?.textContent).not.toContain("first 1,000");
  });
});
