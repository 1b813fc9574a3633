import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { until } from "../../testing/until";
import { PatronChat } from "./chat";

/** The gateway's answers, by path. */
let answers: Record<string, unknown>;
let asked: { path: string; body: unknown }[];

beforeEach(() => {
  sessionStorage.clear();
  asked = [];
  answers = { "/v1/libraries/maple": { library: { institutionId: "maple", name: "Maple Library", practice: true } } };
  vi.stubGlobal("WebSocket", class {});
  vi.stubGlobal("fetch", async (path: string, request: RequestInit) => {
    asked.push({ path, body: JSON.parse(String(request.body ?? "null")) });
    const answer = answers[path];
    return new Response(JSON.stringify(answer ?? { code: 5, message: "Not found." }), { status: answer ? 200 : 404 });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a practice page (D36)", () => {
  it("admits for practice, and asks for nobody's hours", async () => {
    answers["/v1/admit"] = { token: { accessToken: "t" }, sessionId: "s" };
    const chat = new PatronChat("maple", true);
    await chat.begin();
    chat.asking.value = { question: "May I practise?", name: "", email: "" };
    await chat.ask();
    expect(asked.find(({ path }) => path === "/v1/admit")?.body).toEqual({ institutionId: "maple", practice: true });
    expect(asked.some(({ path }) => path.endsWith("/availability"))).toBe(false);
  });

  it("is none where the library has no practice queue", async () => {
    answers["/v1/libraries/maple"] = { library: { institutionId: "maple", name: "Maple Library" } };
    const chat = new PatronChat("maple", true);
    await chat.begin();
    expect(chat.library.facts.value).toBeUndefined();
    expect(chat.library.error.value).toContain("no practice queue");
  });
});

describe("a patron page", () => {
  it("knows whether somebody can answer before anything is asked (D34)", async () => {
    answers["/v1/libraries/maple/availability"] = { availability: "AVAILABILITY_UNSTAFFED" };
    const chat = new PatronChat("maple", false);
    await chat.begin();
    await until(() => expect(chat.availability.openness.value).toBe("unstaffed"));
  });
});
