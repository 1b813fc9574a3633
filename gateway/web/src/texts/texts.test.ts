import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { patronNews } from "../app/ask/news";
import { RefusalSchema } from "../gen/carrel/refusal/v1/refusal_pb";
import { SessionEventSchema } from "../gen/carrel/session/v1/session_event_pb";
import { Part, PersonSchema } from "../gen/carrel/session/v1/session_pb";
import { whyRefused } from "../refusal_words";
import { comingTime } from "../time";
import { endLine } from "../words";
import { english, type Texts } from "./english";
import { texts as french } from "./french";
import { texts as german } from "./german";
import { choose, LANGUAGES, languageOf, localeFor, offered } from "./languages";
import { texts as spanish } from "./spanish";
import { langOf, language, speak, texts } from "./texts";

const OTHERS: Record<string, Texts> = { es: spanish, fr: french, de: german };

/** Texts that are the same word in a language as in English. */
const SAME = new Set(["fr head.volume", "fr stream.conversation"]);

/** All texts with their paths; those with something to fill in are filled in with something that can be found again. */
function spoken(of: Texts): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (value: unknown, path: string): void => {
    if (typeof value === "string") found.set(path, value);
    else if (typeof value === "function") found.set(path, filled(value as (...given: unknown[]) => string, path));
    else if (value !== undefined)
      for (const [key, inner] of Object.entries(value as object)) walk(inner, `${path}.${key}`);
  };
  for (const [key, value] of Object.entries(of)) if (key !== "refusals") walk(value, key);
  return found;
}

const NUMBERS = /ahead|characters|left$|tooMany|tooLong|news$|inSeconds|perCent/;

function filled(words: (...given: unknown[]) => string, path: string): string {
  if (path === "events.left") return words("«0»");
  if (path === "file.librarians") return words(2, "«1»");
  return NUMBERS.test(path) ? words(7, 7) : words("«0»", "«1»");
}

/** What was filled in. */
const gaps = (text: string) => [...new Set(text.match(/«\d»|7/g))].sort();

describe("the words of each language (D84)", () => {
  const all = spoken(english);

  it("are as many as in English, with the same to fill in, and none was left in English", () => {
    expect(all.size).toBeGreaterThan(180);
    for (const [code, words] of Object.entries(OTHERS)) {
      const theirs = spoken(words);
      expect([...theirs.keys()].sort(), code).toEqual([...all.keys()].sort());
      for (const [path, text] of all) {
        const other = theirs.get(path) ?? "";
        expect(gaps(other), `${code} ${path}`).toEqual(gaps(text));
        // What has no letters but those that are filled in is the same everywhere.
        const isWord = /\p{L}{3}/u.test(text.replaceAll(/«\d»/g, ""));
        if (isWord) expect(other === text, `${code} ${path}: ${other}`).toBe(SAME.has(`${code} ${path}`));
      }
      expect(words.refusals).toBeDefined();
    }
  });

  it("speak to one person, politely", () => {
    const words = (of: Texts) =>
      new Set(
        [...spoken(of).values()]
          .join("\n")
          .toLowerCase()
          .match(/\p{L}+/gu),
      );
    const familiar = (of: Texts, ...found: string[]) => found.filter((word) => words(of).has(word));
    expect(familiar(spanish, "tu", "tú", "tus", "puedes", "tienes", "vosotros")).toEqual([]);
    expect(familiar(french, "tu", "toi", "ton", "tes")).toEqual([]);
    expect(familiar(german, "du", "dein", "deine", "dich", "dir")).toEqual([]);
  });

  it("have the forms that numbers ask for", () => {
    const forms = (of: Texts) => [1, 2, 1_000_000].map((count) => of.waiting.ahead(count));
    expect(forms(english).slice(0, 2)).toEqual(["1 patron is ahead of you", "2 patrons are ahead of you"]);
    expect(forms(spanish).slice(0, 2)).toEqual(["Hay 1 persona antes que usted", "Hay 2 personas antes que usted"]);
    expect(forms(french).slice(0, 2)).toEqual(["1 personne est avant vous", "2 personnes sont avant vous"]);
    expect(forms(german).slice(0, 2)).toEqual(["1 Person ist vor Ihnen", "2 Personen sind vor Ihnen"]);
    // Spanish and French have a form of their own for millions, and French counts none as one.
    expect(forms(spanish)[2]).toBe("Hay 1.000.000 personas antes que usted");
    expect(french.box.characters(0)).toBe("0 caractère");
    expect(german.box.tooLong(4_000)).toContain("4.000 Zeichen");
  });
});

describe("the language of a page (D84)", () => {
  it("is the first of the patron's that the library has, or else the library's first", () => {
    expect(choose(["en", "es"], ["fr-CA", "es-MX", "en"])).toBe("es");
    expect(choose(["en", "es"], ["de", "nonsense", ""])).toBe("en");
    expect(choose(["es", "en"], [])).toBe("es");
    expect(["es-419", "DE", "pt", "toString"].map(languageOf)).toEqual(["es", "de", undefined, undefined]);
    expect(offered([])).toEqual(["en"]);
    expect(offered(["pt", "es"])).toEqual(["es"]);
    expect(Object.keys(LANGUAGES)).toEqual(["en", "es", "fr", "de"]);
  });

  it("has the patron's own way of writing dates", () => {
    expect(localeFor("es", ["en-US", "es-MX"])).toBe("es-MX");
    expect(localeFor("de", ["en-US"])).toBe("de");
  });
});

describe("a page that changes its language", () => {
  beforeEach(() => vi.stubGlobal("navigator", { languages: ["de-AT"] }));
  afterEach(async () => {
    await speak("en");
    vi.unstubAllGlobals();
  });

  it("says everything in it, times too, and says so to screen readers (D82)", async () => {
    await speak("de");
    expect(language.value).toBe("de");
    expect(document.documentElement.lang).toBe("de");
    expect(texts().chat.end).toBe("Chat beenden");
    const now = new Date(2026, 10, 23, 18, 0).getTime();
    const time = { $typeName: "google.protobuf.Timestamp", seconds: BigInt(now / 1_000 + 86_400), nanos: 0 } as const;
    expect(comingTime(time, now)).toBe("morgen um 18:00");
    expect([langOf("de"), langOf("en"), langOf("")]).toEqual([undefined, "en", undefined]);
  });

  it("makes whole sentences about a librarian whose name is not shown (R12)", async () => {
    const author = create(PersonSchema, { part: Part.OWNER, name: "Librarian" });
    const event = create(SessionEventSchema, { author, payload: { case: "pickedUp", value: {} } });
    const ended = create(SessionEventSchema, { author, position: 2n, payload: { case: "ended", value: {} } });
    const said = () => [patronNews(event, [event]), endLine(ended, false, true, false)];
    expect(said()).toEqual(["The librarian is here. The chat has begun.", "The librarian ended the chat"]);
    await speak("es");
    expect(said()).toEqual([
      "El personal de la biblioteca ya le atiende. El chat ha empezado.",
      "El personal de la biblioteca ha terminado el chat",
    ]);
    await speak("de");
    expect(said()).toEqual(["Die Bibliothek ist da. Der Chat hat begonnen.", "Die Bibliothek hat den Chat beendet"]);
    await speak("fr");
    expect(said()).toEqual(["La bibliothèque est là. Le chat a commencé.", "La bibliothèque a terminé le chat"]);
  });

  it("says weekdays without an article in French, and dates with one", async () => {
    await speak("fr");
    expect([texts().time.onWeekday("lundi", "9:00"), texts().time.on("24 déc. 2026", "9:00")]).toEqual([
      "lundi à 9:00",
      "le 24 déc. 2026 à 9:00",
    ]);
  });

  it("says how long a text may be, if the server says it (R23)", async () => {
    const refusal = create(RefusalSchema, { code: 3, reason: "TOO_LONG", metadata: { limit: "4000" } });
    const without = create(RefusalSchema, { code: 3, reason: "TOO_LONG" });
    for (const [code, limit] of [
      ["es", "4000 caracteres"],
      ["fr", "4\u202f000 caractères"],
      ["de", "4.000 Zeichen"],
    ] as const) {
      await speak(code);
      expect(whyRefused(refusal)).toContain(limit);
      expect(whyRefused(without)).not.toMatch(/\d|undefined|NaN/);
    }
  });

  it("shows the last one that was wanted, whichever comes first", async () => {
    expect(await Promise.all([speak("es"), speak("en")])).toEqual(["overtaken", "shown"]);
    expect(language.value).toBe("en");
  });
});
