/** Audio for tests: it plays nothing, and counts the notes. */
import { vi } from "vitest";

/**
 * Puts it in the place of the browser's. `begun` has when each note began, `loudest` how loud each gets;
 * `unstubAllGlobals` takes it away.
 */
export function fakeAudio(): { begun: number[]; loudest: number[] } {
  const begun: number[] = [];
  const loudest: number[] = [];
  const node = {
    frequency: { value: 0 },
    gain: {
      setValueAtTime() {},
      linearRampToValueAtTime: (loudness: number) => loudest.push(loudness),
      exponentialRampToValueAtTime() {},
    },
    connect: (to: unknown) => to,
    start: (at: number) => begun.push(at),
    stop() {},
  };
  class FakeAudioContext extends EventTarget {
    readonly state = "running";
    readonly currentTime = 1;
    readonly destination = node;
    createOscillator = () => node;
    createGain = () => node;
  }
  vi.stubGlobal("AudioContext", FakeAudioContext);
  return { begun, loudest };
}
