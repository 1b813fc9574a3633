import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Desk } from "../../app/desk";
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
});
