/** Audio for tests: it plays nothing, and records the notes. */
import { vi } from "vitest";

/**
 * Replaces the browser's audio until `unstubAllGlobals`. `begun` has the time at which each note starts, `loudest` how
 * loud each gets.
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
