import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { until } from "../../testing/until";
import { length, TextBox } from "./text_box";

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  render(null, root);
  root.remove();
});

function box(value: string, limit = 4_000) {
  const send = vi.fn();
  render(
    <TextBox
      id="b"
      label="Box"
      hint="hint"
      action="Send"
      value={value}
      limit={limit}
      onInput={() => {}}
      onSend={send}
    />,
    root,
  );
  const area = root.querySelector("textarea") as HTMLTextAreaElement;
  const press = (init: KeyboardEventInit) =>
    area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...init }));
  return { send, press };
}

describe("a box to write in", () => {
  it("sends at Enter, and not at Shift+Enter, nor while characters are composed", () => {
    const { send, press } = box("hello");
    press({ shiftKey: true });
    press({ isComposing: true });
    press({ keyCode: 229 });
    expect(send).not.toHaveBeenCalled();
    press({});
    expect(send).toHaveBeenCalledTimes(1);
  });

  it("does not send nothing, nor too much (R23)", () => {
    const empty = box(" \n ");
    empty.press({});
    expect(empty.send).not.toHaveBeenCalled();
    const long = box("12345", 4);
    long.press({});
    expect(long.send).not.toHaveBeenCalled();
    expect(root.textContent).toContain("1 character too many; the limit is 4.");
    box("123456", 4);
    expect(root.textContent).toContain("2 characters too many");
  });

  it("says aloud that it is too long, at once and at each try to send it (R23, D82)", async () => {
    const long = box("12345", 4);
    const said = () => root.querySelector("[role=alert]");
    const first = said();
    expect(first?.textContent).toContain("too long to send");
    long.press({});
    await until(() => expect(said()).not.toBe(first));
    expect(said()?.textContent).toBe(first?.textContent);
    box("1234", 4);
    expect(said()).toBeNull();
  });

  it("counts characters as the server does", () => {
    expect(length("aé😀")).toBe(3);
    box("x".repeat(3_990));
    expect(root.textContent).toContain("10 characters left");
  });
});
