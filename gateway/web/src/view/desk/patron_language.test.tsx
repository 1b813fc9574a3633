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
