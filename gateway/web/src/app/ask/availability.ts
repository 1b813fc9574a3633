/** Whether a library's patrons can be answered now, polled while it is wanted. */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { availability as fetchAvailability } from "../../api";
import { Availability, type GetAvailabilityResponse } from "../../gen/carrel/presence/v1/presence_service_pb";

/** What a patron is told: somebody answers, nobody is there within the opening hours, or it is out of hours. */
export type Openness = "open" | "unstaffed" | "closed";

const PAUSE = 15_000;

/**
 * Polls the availability of one library. It pauses while the page is hidden, and asks at once when it is shown again.
 */
export class AvailabilityWatch {
  readonly #answer = signal<GetAvailabilityResponse | undefined>(undefined);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;

  /** The last answer. A request that fails leaves it unchanged. */
  readonly answer: ReadonlySignal<GetAvailabilityResponse | undefined> = this.#answer;
  /** What the patron is told. Without a clear answer it is open, so that nobody is turned away by mistake. */
  readonly openness = computed<Openness>(() => opennessOf(this.#answer.value));

  /** `wanted` is whether the availability is needed at present. */
  constructor(
    private readonly institutionId: string,
    private readonly wanted: ReadonlySignal<boolean>,
    private readonly ask: (institutionId: string) => Promise<GetAvailabilityResponse> = fetchAvailability,
  ) {
    effect(() => {
      if (wanted.value) void this.#look();
      else this.#rest();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#rest();
      else void this.#look();
    });
  }

  async #look(): Promise<void> {
    this.#rest();
    if (this.#asking || document.hidden || !this.wanted.peek()) return;
    this.#asking = true;
    try {
      this.#answer.value = await this.ask(this.institutionId);
    } catch {
      // Keep the last answer.
    }
    this.#asking = false;
    if (!document.hidden && this.wanted.peek()) this.#timer = setTimeout(() => void this.#look(), PAUSE);
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function opennessOf(answer: GetAvailabilityResponse | undefined): Openness {
  switch (answer?.availability) {
    case Availability.UNSTAFFED:
      return "unstaffed";
    case Availability.CLOSED:
      return "closed";
    default:
      return "open";
  }
}
