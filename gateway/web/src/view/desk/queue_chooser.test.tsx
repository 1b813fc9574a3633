import { signal } from "@preact/signals";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Desk } from "../../app/desk/desk";
import { QueueChooser } from "./queue_chooser";

const queueIds = signal<readonly string[] | undefined>(undefined);
let root: HTMLElement;
let taken: readonly string[] | undefined;

const drawn = () => new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
const boxes = () => [...root.querySelectorAll<HTMLInputElement>("input[type=checkbox]")];
const checked = () => boxes().map((box) => box.checked);
const button = (text: string) =>
  [...root.querySelectorAll("button")].find((found) => found.textContent?.includes(text));

/** The parts of a desk that the dialog uses. */
const desk = {
  profile: signal({
    librarianId: "map",
    institutionName: "Maple",
    queues: ["maple", "harbor"].map((queueId) => ({ queueId, name: queueId, institutionNames: [queueId] })),
  }),
  queueIds,
  presence: { queues: signal(new Map()) },
  chooseQueues: (ids: readonly string[]) => {
    taken = ids;
  },
} as unknown as Desk;

beforeEach(async () => {
  HTMLDialogElement.prototype.showModal ??= () => {};
  queueIds.value = undefined;
  taken = undefined;
  localStorage.clear();
  root = document.createElement("div");
  document.body.append(root);
  render(<QueueChooser desk={desk} />, root);
  await drawn();
});

afterEach(() => {
  render(null, root);
  root.remove();
});

describe("the queue chooser", () => {
  it("begins with nothing chosen, and no box changes by itself when the server says what another monitor has", async () => {
    expect(checked()).toEqual([false, false]);
    queueIds.value = ["harbor"];
    await drawn();
    expect(checked()).toEqual([false, false]);
    button("Same as on your other monitor: harbor")?.click();
    expect(taken).toEqual(["harbor"]);
  });

  it("keeps what the user has touched, whatever is said meanwhile", async () => {
    boxes()[0]?.click();
    await drawn();
    queueIds.value = ["harbor"];
    await drawn();
    expect(checked()).toEqual([true, false]);
    expect(button("Same as on your other monitor")).toBeUndefined();
    button("Save")?.click();
    expect(taken).toEqual(["maple"]);
  });
});
