/** Whether a library's patrons can be answered now, asked again from time to time while somebody wants to know. */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { availability as fetchAvailability } from "../api";
import { Availability, type GetAvailabilityResponse } from "../gen/carrel/presence/v1/presence_service_pb";

/** What a patron is told: somebody answers, nobody is there though the hours are now, or it is out of hours. */
export type Openness = "open" | "unstaffed" | "closed";

const PAUSE = 15_000;

/** The watch over one library. While nobody looks at the page it asks nothing, and it asks at once when somebody does. */
export class AvailabilityWatch {
  readonly #answer = signal<GetAvailabilityResponse | undefined>(undefined);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;

  /** The last answer. What could not be asked stays as it was. */
  readonly answer: ReadonlySignal<GetAvailabilityResponse | undefined> = this.#answer;
  /** What the patron is told. A server that cannot tell counts as open: it must turn nobody away. */
  readonly openness = computed<Openness>(() => opennessOf(this.#answer.value));

  /** `wanted` is whether anybody wants to know. */
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
      // A page that cannot ask now has nothing better to say than before.
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
