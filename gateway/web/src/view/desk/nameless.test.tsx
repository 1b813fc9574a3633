import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, MAP } from "../../testing/desk_stage";

let stage: DeskStage;

beforeEach(async () => {
  stage = await DeskStage.open();
});

afterEach(() => stage.end());

describe("two patrons who gave no name (K29)", () => {
  const nameless = (sessionId: string, second: number, question: string) => ({
    sessionId,
    question,
    institutionName: "Maple Library",
    patronName: "",
    queueIds: ["main"],
    list: SessionList.NEW,
    openTime: timestampFromMs(new Date(2026, 10, 29, 8, 3, second).getTime()),
  });
  const one = nameless("t", 27, "Where is the plat book?");
  const other = nameless("u", 41, "Who drew this map?");

  it("have rows, menus and announcements of their own", async () => {
    stage.lists({ case: "snapshot", value: { rows: [] } });
    for (const row of [one, other]) stage.lists({ case: "changed", value: row });
    await drawn();
    const names = [...stage.root.querySelectorAll(".row-name")].map((name) => name.textContent);
    expect(names).toEqual([expect.stringMatching(/^Patron .*03:27/), expect.stringMatching(/^Patron .*03:41/)]);
    for (const name of names) expect(stage.find("button", `Menu for ${name}`)).toBeDefined();
    const said = stage.desk.announcer.said.value.map(({ text }) => text);
    for (const name of names) expect(said).toContain(`Waiting under New: ${name} of Maple Library.`);
  });

  it("show a few words of what they asked, also once the row shows what was written since", async () => {
    stage.lists({ case: "snapshot", value: { rows: [{ ...one, sessionId: "s", list: SessionList.MY_ACTIVE }] } });
    await stage.attending();
    stage.desk.list.value = "mine";
    await stage.event(
      { case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text: "One moment" } },
      MAP,
    );
    expect(stage.root.querySelector(".row-asked")?.textContent).toBe("asked “Where is the plat book?”");
  });
});
