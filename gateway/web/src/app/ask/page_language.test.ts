import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LibrarySchema } from "../../gen/carrel/directory/v1/directory_service_pb";
import { language, speak } from "../../texts/texts";
import type { PatronLibrary } from "./library";
import { PageLanguage } from "./page_language";

const KEY = "carrel.language.ask.maple";
const LIBRARY = create(LibrarySchema, { institutionId: "maple", name: "Maple Library", languages: ["en", "fr", "de"] });
const FRENCH = JSON.stringify({ language: "fr", chosen: true });

let page: PageLanguage;

beforeEach(() => {
  vi.spyOn(navigator, "languages", "get").mockReturnValue(["en"]);
  sessionStorage.setItem(KEY, FRENCH);
  page = new PageLanguage("ask.maple");
});

afterEach(async () => {
  vi.doUnmock("../../texts/french");
  vi.doUnmock("../../texts/german");
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  sessionStorage.clear();
  await speak("en");
});

describe("a language whose words can't be fetched (D84)", () => {
  beforeEach(() => {
    vi.doMock("../../texts/french", () => {
      throw new TypeError("no network");
    });
  });

  it("is still the patron's choice after a reload, though the page is in another", async () => {
    await page.begin();
    await page.settle(LIBRARY);
    expect([language.value, sessionStorage.getItem(KEY)]).toEqual(["en", FRENCH]);
    // Nobody has pressed anything.
    expect(page.failure.value).toBe("");
  });

  it("is said to be missing when the patron has chosen it, each time anew, until another one is shown", async () => {
    sessionStorage.clear();
    await page.settle(LIBRARY);
    const said: string[] = [];
    const end = page.failure.subscribe((words) => said.push(words));
    await page.select("fr");
    await page.select("fr");
    await page.select("de");
    end();
    const failure = "“Français” could not be loaded. Please choose it again.";
    expect(said).toEqual(["", failure, "", failure, ""]);
    expect(sessionStorage.getItem(KEY)).toBe(JSON.stringify({ language: "de", chosen: true }));
  });

  it("is nobody's concern once another one was chosen", async () => {
    await page.settle(LIBRARY);
    await Promise.all([page.select("fr"), page.select("en")]);
    expect([page.failure.value, sessionStorage.getItem(KEY)]).toEqual([
      "",
      JSON.stringify({ language: "en", chosen: true }),
    ]);
  });
});

describe("a language whose words are long in coming", () => {
  it("does not hold the page up: it is in English until they come", async () => {
    let arrive: (words: object) => void = () => {};
    const words = await vi.importActual<object>("../../texts/german");
    vi.doMock("../../texts/german", () => new Promise((resolve) => (arrive = resolve)) as Promise<object>);
    vi.resetModules();
    const fresh = await import("../../texts/texts");
    const { PageLanguage: Fresh } = await import("./page_language");
    const { PatronLibrary: FreshLibrary } = await import("./library");
    sessionStorage.setItem(KEY, JSON.stringify({ language: "de", chosen: true }));
    vi.stubGlobal(
      "fetch",
      async () => new Response(JSON.stringify({ library: { name: "Maple", languages: ["en", "de"] } })),
    );
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const library: PatronLibrary = new FreshLibrary("maple", false, new Fresh("ask.maple"));
    const reading = library.read();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(library.facts.value).toBeUndefined();
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(1_000);
      expect(library.facts.value?.name).toBe("Maple");
    });
    await reading;
    expect(fresh.language.value).toBe("en");
    arrive(words);
    await vi.waitFor(() => expect(fresh.language.value).toBe("de"));
    expect(JSON.parse(sessionStorage.getItem(KEY) ?? "")).toEqual({ language: "de", chosen: true });
  });
});
