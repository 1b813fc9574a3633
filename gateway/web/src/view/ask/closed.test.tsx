import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PatronChat } from "../../app/ask/chat";
import { until } from "../../testing/until";
import { AskPage } from "./ask_page";

let root: HTMLElement;
let availability: object;
let admitted: number;

beforeEach(() => {
  sessionStorage.clear();
  admitted = 0;
  root = document.createElement("div");
  document.body.append(root);
  vi.stubGlobal("WebSocket", class {});
  vi.stubGlobal("fetch", async (path: string) => {
    if (path === "/v1/admit") admitted += 1;
    const library = { institutionId: "maple", name: "Maple Library" };
    return new Response(JSON.stringify(path.endsWith("/availability") ? availability : { library }));
  });
});

afterEach(() => {
  render(null, root);
  root.remove();
  vi.unstubAllGlobals();
});

const FORM = "https://maple.example.org/ask";

async function open(answer: object): Promise<PatronChat> {
  availability = { questionFormAddress: FORM, ...answer };
  const chat = new PatronChat("maple", false);
  render(<AskPage chat={chat} />, root);
  await chat.begin();
  await until(() => expect(chat.availability.answer.value).toBeDefined());
  await until(() => expect(root.querySelector("h1")).not.toBeNull());
  return chat;
}

const links = () => [...root.querySelectorAll("main a")].map((link) => link.getAttribute("href"));

describe("a library that nobody answers for (D34)", () => {
  it("says that it is closed, when it opens in the viewer's words, and where a question can be left", async () => {
    await open({ availability: "AVAILABILITY_CLOSED", nextOpenTime: "2099-11-24T15:30:00Z" });
    await until(() => expect(root.querySelector("h1")?.textContent).toBe("The chat is closed"));
    expect(root.textContent).toMatch(/answers here again on .*2099.* at /);
    expect(links()).toEqual([FORM]);
    expect(root.querySelector("form")).toBeNull();
  });

  it("takes nothing away that was typed when it closes, and sends nothing", async () => {
    const chat = await open({ availability: "AVAILABILITY_CLOSED" });
    chat.asking.value = { question: "Where is the plat book?", name: "", email: "" };
    await until(() => expect(root.querySelector("[role=alert]")?.textContent).toContain("closed while you"));
    expect(root.querySelector("textarea")?.value).toBe("Where is the plat book?");
    root.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await until(() => expect(root.textContent).toContain("nobody could answer"));
    expect(admitted).toBe(0);
  });

  it("lets a patron ask when nobody is there, and does not promise an answer", async () => {
    const chat = await open({ availability: "AVAILABILITY_UNSTAFFED" });
    await until(() => expect(root.textContent).toContain("No librarian is here right now."));
    expect(links()).toEqual([FORM]);
    chat.asking.value = { question: "Where is the plat book?", name: "", email: "" };
    await until(() => expect(root.querySelector("textarea")?.value).not.toBe(""));
    root.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await until(() => expect(admitted).toBe(1));
  });

  it("links to no address that is not one of the web", async () => {
    await open({ availability: "AVAILABILITY_CLOSED", questionFormAddress: "javascript:alert(1)" });
    await until(() => expect(root.querySelector("h1")?.textContent).toBe("The chat is closed"));
    expect(links()).toEqual([]);
  });
});
