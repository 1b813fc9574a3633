import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fillStorage } from "../../testing/full_storage";
import { OwnScripts, SCRIPTS_LIMIT, withScript } from "./scripts";

beforeEach(() => {
  localStorage.clear();
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const names = (scripts: OwnScripts) => scripts.all.value.map(({ name }) => name);

describe("a librarian's own scripts (D38)", () => {
  it("are kept for each librarian by themselves, by name", () => {
    const who = signal<string | undefined>("map");
    const scripts = new OwnScripts(who);
    scripts.add({ name: "Bye", text: "Good-bye!" });
    scripts.add({ name: " Ask ", text: " May I ask more? " });
    expect(names(scripts)).toEqual(["Ask", "Bye"]);
    who.value = "plat";
    expect(names(scripts)).toEqual([]);
    who.value = "map";
    expect(scripts.all.value[0]).toEqual({ name: "Ask", text: "May I ask more?" });
  });

  it("give way to one of the same name, and can be removed", () => {
    const scripts = new OwnScripts(signal("map"));
    scripts.add({ name: "Bye", text: "Good-bye!" });
    scripts.add({ name: "Bye", text: "See you!" });
    expect(scripts.all.value).toEqual([{ name: "Bye", text: "See you!" }]);
    scripts.remove("Bye");
    expect(names(scripts)).toEqual([]);
  });

  it("are not lost to what another tab of the browser keeps, and are shown there", () => {
    const [here, there] = [new OwnScripts(signal("map")), new OwnScripts(signal("map"))];
    here.add({ name: "Bye", text: "Good-bye!" });
    there.add({ name: "Ask", text: "May I ask more?" });
    expect(names(there)).toEqual(["Ask", "Bye"]);
    dispatchEvent(new StorageEvent("storage", { key: "carrel.scripts.plat" }));
    expect(names(here)).toEqual(["Bye"]);
    dispatchEvent(new StorageEvent("storage", { key: "carrel.scripts.map" }));
    expect(names(here)).toEqual(["Ask", "Bye"]);
    there.add({ name: "Wait", text: "One moment." });
    here.remove("Bye");
    expect(names(new OwnScripts(signal("map")))).toEqual(["Ask", "Wait"]);
  });

  it("need a name and a text, and are not without end", () => {
    const scripts = new OwnScripts(signal("map"));
    expect(scripts.add({ name: " ", text: "x" })).toBeDefined();
    expect(scripts.add({ name: "x", text: "\n" })).toBeDefined();
    for (let count = 0; count < SCRIPTS_LIMIT; count += 1) scripts.add({ name: `s${count}`, text: "x" });
    expect(scripts.add({ name: "more", text: "x" })).toContain("Remove one");
    expect(scripts.all.value).toHaveLength(SCRIPTS_LIMIT);
  });

  it("say so when the browser keeps nothing of what was added or removed", () => {
    const scripts = new OwnScripts(signal("map"));
    expect(scripts.add({ name: "Bye", text: "Good-bye!" })).toBeUndefined();
    fillStorage();
    expect(scripts.add({ name: "Ask", text: "May I ask more?" })).toContain("could not store it");
    expect(names(scripts)).toEqual(["Ask", "Bye"]);
    dispatchEvent(new StorageEvent("storage", { key: "carrel.scripts.map" }));
    expect(scripts.remove("Bye")).toContain("then it is back");
    expect(names(scripts)).toEqual(["Ask"]);
  });

  it("are none where something else is stored", () => {
    for (const stored of ["nonsense", "{}", '[1,{"name":"x"},null]']) {
      localStorage.setItem("carrel.scripts.map", stored);
      expect(new OwnScripts(signal("map")).all.value).toEqual([]);
    }
  });

  it("go after what is typed already", () => {
    expect(withScript("", "Hello")).toBe("Hello");
    expect(withScript("Dear Ricky, ", "Hello")).toBe("Dear Ricky,\nHello");
  });
});
