import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeSocket } from "../../testing/gateway";
import { PatronPage } from "../../testing/patron_page";
import { speak } from "../../texts/texts";

const SAYS = {
  languages: ["en", "es", "de"],
  welcome: "Ask away.",
  privacyNotice: "We keep it.",
  translations: [{ language: "es", welcome: "Pregunte.", privacyNotice: "Lo guardamos." }],
  waitingMessages: [
    { after: "0s", text: "Hold on.", language: "en" },
    { after: "0s", text: "Espere.", language: "es" },
  ],
};

let page: PatronPage;

beforeEach(() => {
  history.replaceState(null, "", "/ask/maple");
  vi.spyOn(navigator, "languages", "get").mockReturnValue(["pt", "es-MX", "en"]);
});

afterEach(async () => {
  page.close();
  vi.restoreAllMocks();
  history.replaceState(null, "", "/");
  await speak("en");
});

const lead = () => page.root.querySelector(".lead");
const pressed = () => page.root.querySelector(".language[aria-pressed=true]")?.textContent;

describe("the language of the patron page (D84)", () => {
  it("is the browser's first that the library has, with what the library says in it", async () => {
    page = await PatronPage.open(false, { says: SAYS });
    expect(document.documentElement.lang).toBe("es");
    expect(page.root.querySelector("h1")?.textContent).toBe("¿Qué le gustaría saber?");
    expect([lead()?.textContent, lead()?.getAttribute("lang")]).toEqual(["Pregunte.", null]);
    expect(page.root.querySelector(".privacy p")?.textContent).toBe("Lo guardamos.");
    expect(pressed()).toBe("Español");
    // The name is the library's own, in its own language.
    expect(page.root.querySelector(".ask-name")?.getAttribute("lang")).toBe("en");
    const names = [...page.root.querySelectorAll(".language")].map((one) => [
      one.textContent,
      one.getAttribute("lang"),
    ]);
    expect(names).toEqual([
      ["English", "en"],
      ["Español", "es"],
      ["Deutsch", "de"],
    ]);
  });

  it("is the one in the address, unless the patron chooses another; what is wrong follows", async () => {
    history.replaceState(null, "", "/ask/maple?lang=de");
    page = await PatronPage.open(false, { says: SAYS });
    expect(document.documentElement.lang).toBe("de");
    // What the library does not say in German is in its first language, and marked as that.
    expect([lead()?.textContent, lead()?.getAttribute("lang")]).toEqual(["Ask away.", "en"]);
    await page.press("Chat beginnen");
    expect(page.root.querySelector("#question-hint")?.textContent).toBe("Bitte schreiben Sie zuerst Ihre Frage.");
    await page.press("English");
    await vi.waitFor(() => expect(document.documentElement.lang).toBe("en"));
    await page.drawn();
    expect(page.root.querySelector("#question-hint")?.textContent).toBe("Write your question first.");
    expect(JSON.parse(sessionStorage.getItem("carrel.language.ask.maple") ?? "")).toEqual({
      language: "en",
      chosen: true,
    });
    // Whoever comes next at this computer is not given it (D78).
    page.chat.clear();
    expect(sessionStorage.getItem("carrel.language.ask.maple")).toBeNull();
  });

  it("is told to staff with the question, as it is then", async () => {
    page = await PatronPage.open(false, { says: SAYS });
    await page.press("Deutsch");
    await vi.waitFor(() => expect(document.documentElement.lang).toBe("de"));
    await page.types("question", "Wo sind die Karten?");
    await page.press("Chat beginnen");
    FakeSocket.last?.open();
    await page.drawn();
    expect(page.acts.at(-1)?.act).toMatchObject({ case: "openSession", value: { language: "de" } });
  });

  it("stays in the address of the page when the patron follows the library's name", async () => {
    history.replaceState(null, "", "/ask/maple?lang=de");
    page = await PatronPage.open(false, { says: SAYS });
    expect(page.root.querySelector(".ask-name")?.getAttribute("href")).toBe("/ask/maple?lang=de");
    page.close();
    history.replaceState(null, "", "/ask/maple");
    page = await PatronPage.open(false, { says: SAYS });
    expect(page.root.querySelector(".ask-name")?.getAttribute("href")).toBe("/ask/maple");
  });

  it("can be changed while chatting, also where a low window hides the head (D82)", async () => {
    page = await PatronPage.open("taken", { says: SAYS });
    await page.chats();
    const button = page.root.querySelector<HTMLElement>("[aria-label='Sonido, colores e idioma']");
    button?.click();
    await page.drawn();
    const choices = [...page.root.querySelectorAll<HTMLElement>(".chat-settings .language")];
    expect(choices.map(({ textContent }) => textContent)).toEqual(["English", "Español", "Deutsch"]);
    choices[0]?.click();
    await vi.waitFor(() => expect(document.documentElement.lang).toBe("en"));
    await page.drawn();
    expect(button?.getAttribute("aria-label")).toBe("Sound, colours and language");
  });

  it("is said to be missing where the patron has chosen it and it can't be fetched", async () => {
    vi.doMock("../../texts/french", () => {
      throw new TypeError("no network");
    });
    page = await PatronPage.open(false, { says: { ...SAYS, languages: ["es", "fr"] } });
    await page.press("Français");
    await vi.waitFor(() =>
      expect(page.root.querySelector(".ask-head [role=alert]")?.textContent).toBe(
        "No se ha podido cargar «Français». Elíjalo de nuevo.",
      ),
    );
    expect(pressed()).toBe("Español");
    vi.doUnmock("../../texts/french");
  });

  it("is English alone where the library names no other, and there is nothing to choose", async () => {
    page = await PatronPage.open(false, { says: { welcome: "Ask away." } });
    expect(document.documentElement.lang).toBe("en");
    expect(page.root.querySelector(".languages")).toBeNull();
  });

  it("is the patron's where the library can't be read", async () => {
    page = await PatronPage.open(false, { libraryFails: true });
    expect(page.root.querySelector("[role=alert]")?.textContent).toContain(
      "El servidor de chat de la biblioteca no responde",
    );
  });

  it("is that of the wait and the chat, of staff without a name, and of refusals (D57, R12)", async () => {
    page = await PatronPage.open("taken", { says: SAYS });
    await page.attends({ state: 1 });
    expect(page.root.querySelector(".waiting-message")?.textContent).toBe("Espere.");
    await page.attends({ state: 2, owner: { part: 2, name: "Librarian" } });
    expect(page.root.querySelector("h1")?.textContent?.trim()).toBe("Personal de la biblioteca");
    expect(page.field("message").placeholder).toBe("Escriba al personal de la biblioteca");
    await page.types("message", "\u0007");
    page.chat.send();
    await page.refuses({ code: 3, reason: "CONTROL_CHARACTER", message: "text: it contains …" });
    expect(page.root.querySelector(".failed")?.textContent).toContain(
      "No enviado. El texto contiene un carácter de control",
    );
  });
});
