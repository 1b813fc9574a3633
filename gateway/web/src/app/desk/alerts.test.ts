import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeAudio } from "../../testing/audio";
import { fillStorage } from "../../testing/full_storage";
import { defaultAlerts, readAlerts, switched, writeAlerts } from "../parts/alerts_settings";
import { Alerts } from "./alerts";

beforeEach(() => {
  localStorage.clear();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function looking(looks: boolean): void {
  vi.spyOn(document, "hasFocus").mockReturnValue(looks);
}

describe("the settings of the alerts (D32, K22)", () => {
  it("are each librarian's own", async () => {
    const who = signal<string | undefined>("ms-map");
    const alerts = new Alerts(who);
    await alerts.set("patron", "sound", false);
    alerts.setVolume(0.2);
    who.value = "mr-plat";
    expect(alerts.settings.value).toEqual(defaultAlerts);
    who.value = "ms-map";
    expect(alerts.settings.value.ways.patron.sound).toBe(false);
    expect(alerts.settings.value.ways.im.sound).toBe(true);
    expect(alerts.settings.value.volume).toBe(0.2);
  });

  it("do not undo what was chosen in another tab of the browser", async () => {
    const [here, there] = [new Alerts(signal("ms-map")), new Alerts(signal("ms-map"))];
    await here.set("patron", "sound", false);
    there.setVolume(0.2);
    expect(there.settings.value.ways.patron.sound).toBe(false);
    dispatchEvent(new StorageEvent("storage", { key: "carrel.alerts.ms-map" }));
    expect(here.settings.value.volume).toBe(0.2);
    fillStorage();
    here.setVolume(0.3);
    await here.set("im", "sound", false);
    expect(here.settings.value.volume).toBe(0.3);
  });

  it("are as by default where nothing sensible is stored", () => {
    for (const stored of ["", "nonsense", "[]", '{"volume":7,"ways":{"patron":{"sound":"yes"}}}', '{"ways":null}']) {
      localStorage.setItem("carrel.alerts.x", stored);
      expect(readAlerts("x")).toEqual(defaultAlerts);
    }
  });

  it("come back as they were written", () => {
    const settings = { ...switched(defaultAlerts, "im", "desktop", true), volume: 0 };
    writeAlerts("x", settings);
    expect(readAlerts("x")).toEqual(settings);
  });
});

describe("an alert", () => {
  it("stands in the title until the librarian looks, and only if they want it", async () => {
    const alerts = new Alerts(signal("ms-map"));
    looking(true);
    alerts.ring("patron", "Maple Library");
    expect(alerts.title.value).toBe("");
    looking(false);
    alerts.ring("patron", "Maple Library");
    expect(alerts.title.value).toBe("New patron");
    looking(true);
    dispatchEvent(new Event("focus"));
    expect(alerts.title.value).toBe("");
    looking(false);
    await alerts.set("transfer", "title", false);
    alerts.ring("transfer", "Ms Map");
    expect(alerts.title.value).toBe("");
  });

  it("asks for permission when notifications are switched on, and shows none before", async () => {
    const shown: string[] = [];
    class FakeNotification {
      static permission: NotificationPermission = "default";
      static requestPermission = vi.fn(async () => {
        FakeNotification.permission = "granted";
        return FakeNotification.permission;
      });
      onclick = null;
      constructor(title: string, options: NotificationOptions) {
        shown.push(`${title}: ${options.body}`);
      }
    }
    vi.stubGlobal("Notification", FakeNotification);
    looking(false);
    const alerts = new Alerts(signal("ms-map"));
    alerts.ring("im", "Mr Plat");
    expect(FakeNotification.requestPermission).not.toHaveBeenCalled();
    await alerts.set("im", "desktop", true);
    alerts.ring("im", "Mr Plat");
    expect(FakeNotification.requestPermission).toHaveBeenCalledTimes(1);
    expect(shown).toEqual(["New message – Carrel: Mr Plat"]);
  });

  it("of a desk that is cut off stands in the title as long as it is so, and not after that (K9)", () => {
    const alerts = new Alerts(signal("ms-map"));
    looking(false);
    alerts.ring("connection", "The chat monitor has lost its connection");
    expect(alerts.title.value).toBe("");
  });
});

describe("the sounds", () => {
  it("of one kind are no louder when several are called for at once", async () => {
    const { begun } = fakeAudio();
    const alerts = new Alerts(signal("ms-map"));
    dispatchEvent(new Event("click"));
    expect(alerts.soundIsOff.value).toBe(false);
    alerts.ring("im", "Mr Plat");
    alerts.ring("im", "Mr Plat");
    expect(begun).toHaveLength(1);
    alerts.ring("message", "A patron of Maple Library has written");
    expect(begun).toHaveLength(3);
  });
});
