import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeskStage, drawn, THROW_AWAY } from "../../testing/desk_stage";
import { fillStorage } from "../../testing/full_storage";
import { until } from "../../testing/until";

let stage: DeskStage;

/** The user owns session `s`, which is shown, and begins a script. */
beforeEach(async () => {
  localStorage.clear();
  stage = await DeskStage.openAtWork();
  await stage.click("Scripts");
  await stage.click("New script");
});

afterEach(() => stage.end());

const isOpen = (id: string) => stage.root.querySelector(`#${id}`) !== null;
const hasFocus = (name: string) =>
  until(() => expect(document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.id).toBe(name));
const toSearch = () => hasFocus("Search the scripts");

async function keep(): Promise<void> {
  await stage.submit("form.new-script");
  await toSearch();
}

describe("a script that is begun (D60)", () => {
  it.each(["Escape", "Close", "Scripts"])("is not thrown away with the panel by %s without a question", async (way) => {
    await stage.types("script-text", "Good-bye!");
    if (way === "Escape") await stage.press(way);
    else await stage.click(way);
    expect(stage.dialogs).toEqual([THROW_AWAY]);
    await stage.answer("Keep writing");
    expect(stage.field("script-text").value).toBe("Good-bye!");
    if (way === "Escape") await stage.press(way);
    else await stage.click(way);
    await stage.answer("Throw away");
    expect(isOpen("scripts")).toBe(false);
    await hasFocus("patron-box");
  });

  it.each(["Cancel", "New script"])("is not thrown away by %s without a question", async (way) => {
    await stage.types("script-name", "Bye");
    await stage.click(way);
    expect(stage.dialogs).toEqual([THROW_AWAY]);
    await stage.answer("Throw away");
    expect(isOpen("script-name")).toBe(false);
    await toSearch();
    await stage.click("New script");
    expect(stage.field("script-name").value).toBe("");
  });

  it("is there again when another session was looked at meanwhile", async () => {
    await stage.types("script-text", "Good-bye!");
    stage.desk.unselect();
    await stage.atWork();
    await stage.click("Scripts");
    expect(stage.field("script-text").value).toBe("Good-bye!");
  });

  it("is nothing to ask about before anything is typed, or once it is kept", async () => {
    await stage.press("Escape");
    expect(stage.dialogs).toEqual([]);
    await stage.click("Scripts");
    await stage.click("New script");
    await stage.types("script-name", "Bye");
    await stage.types("script-text", "Good-bye!");
    await keep();
    expect(stage.desk.scripts.all.value).toEqual([{ name: "Bye", text: "Good-bye!" }]);
    await stage.press("Escape");
    expect(stage.dialogs).toEqual([]);
    expect(isOpen("scripts")).toBe(false);
  });
});

describe("a script whose name is taken", () => {
  const hint = () => stage.root.querySelector("#script-name-hint[role=status]")?.textContent;

  it("is said to replace the one that has it, before it is kept", async () => {
    stage.desk.scripts.add({ name: "Bye", text: "Good-bye!" });
    await stage.types("script-name", "By");
    expect(hint()).toBe("");
    expect(stage.find("form.new-script button", "Keep script")).toBeDefined();
    await stage.types("script-name", " Bye ");
    expect(hint()).toContain("You already have a script with this name. This one replaces it.");
    expect(stage.field("script-name").getAttribute("aria-describedby")).toBe("script-name-hint");
    expect(stage.find("form.new-script button", "Replace script")).toBeDefined();
    await stage.types("script-text", "See you!");
    await keep();
    expect(stage.desk.scripts.all.value).toEqual([{ name: "Bye", text: "See you!" }]);
    expect(stage.desk.announcer.said.value.at(-1)?.text).toBe("The script Bye is kept.");
  });
});

describe("a script that is to be removed", () => {
  const ask = () => stage.click("Remove the script Bye");

  it("is asked about once", async () => {
    stage.desk.scripts.add({ name: "Bye", text: "Good-bye!" });
    await drawn();
    await ask();
    expect(stage.dialogs).toEqual(["Remove the script Bye?"]);
    expect(stage.root.querySelector("dialog")?.getAttribute("role")).toBe("alertdialog");
    await stage.answer("Keep it");
    expect(stage.desk.scripts.all.value).toHaveLength(1);
    await ask();
    await stage.answer("Remove it");
    expect(stage.desk.scripts.all.value).toEqual([]);
    expect(stage.desk.announcer.said.value.at(-1)?.text).toBe("The script Bye is removed.");
    await toSearch();
  });

  it("is said to be there again when the browser does not forget it", async () => {
    stage.desk.scripts.add({ name: "Bye", text: "Good-bye!" });
    await drawn();
    fillStorage();
    await ask();
    await stage.answer("Remove it");
    expect(stage.root.querySelector(".toast.bad")?.textContent).toContain(
      "This browser could not remove the script Bye",
    );
    expect(stage.desk.announcer.said.value.at(-1)?.text).toContain("This browser could not remove the script Bye");
  });
});
