import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Desk } from "../../app/desk/desk";
import { drawn } from "../../testing/desk_stage";
import { FakeSocket } from "../../testing/gateway";
import { until } from "../../testing/until";
import { DeskPage } from "./desk_page";

const root = document.createElement("div");

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  sessionStorage.clear();
  document.body.append(root);
});

afterEach(() => {
  render(null, root);
  root.remove();
  vi.unstubAllGlobals();
});

describe("the way in to the desk (D82)", () => {
  it("has the cursor in the log-in name", async () => {
    render(<DeskPage desk={new Desk()} />, root);
    await until(() => expect(document.activeElement?.getAttribute("autocomplete")).toBe("username"));
  });

  it("has it in the emptied password after a try that failed", async () => {
    const refusal = { code: 16, reason: "WRONG_CREDENTIALS", message: "The name or the password is wrong." };
    vi.stubGlobal("fetch", async () => new Response(JSON.stringify(refusal), { status: 401 }));
    render(<DeskPage desk={new Desk()} />, root);
    const field = (kind: string) => root.querySelector<HTMLInputElement>(`[autocomplete=${kind}]`) as HTMLInputElement;
    for (const kind of ["username", "current-password"]) {
      field(kind).value = "map@harbor";
      field(kind).dispatchEvent(new Event("input", { bubbles: true }));
    }
    await drawn();
    root.querySelector<HTMLElement>("[type=submit]")?.focus();
    root.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await until(() => expect(root.querySelector("[role=alert]")).not.toBeNull());
    expect(document.activeElement).toBe(field("current-password"));
    expect(field("current-password").value).toBe("");
  });
});
