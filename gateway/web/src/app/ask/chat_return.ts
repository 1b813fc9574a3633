/** The return to a chat that the tab was in, or that the browser remembers, and the message that was begun there. */
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { serverNow } from "../../api";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { unknownSession } from "../../state/session";
import { texts, type Words } from "../../texts/texts";
import type { Link } from "../parts/link";
import { withTakenBack } from "../parts/taking_back";
import type { Admission, HeldAdmission } from "./admission";
import type { Asking } from "./asking";
import type { ChatMemory } from "./chat_memory";
import { KeptDraft } from "./kept_draft";
import type { Stage } from "./stage";
import { whyNoReturn } from "./turned_away";

/** Why a return is refused if the chat is over. */
const HAS_ENDED = new Set<string>(["ENDED", "ERASED"]);

/** What the patron types on the page. */
export interface Typed {
  /** The form. */
  readonly asking: Signal<Asking>;
  /** The message box. */
  readonly draft: Signal<string>;
}

/** The way back into the chat of one page. */
export class ChatReturn {
  readonly #turnedAway = signal<Words | undefined>(undefined);
  /**
   * The message that the tab kept over a reload, until it is known what became of its chat: it goes into the box of a
   * chat that runs, into the form if there is no way back, and is dropped if the chat has ended (D78).
   */
  readonly #recalled = signal("");
  readonly #keptDraft: KeptDraft;
  /** The message in the box or, on the way back to the chat, the one that was in it. */
  readonly #message = computed(() => this.#recalled.value || this.typed.draft.value);

  /** Why the patron is not back in the chat that this tab was in; empty if that is not so. */
  readonly turnedAway: ReadonlySignal<string> = computed(() => this.#turnedAway.value?.() ?? "");
  /** What is typed and not sent: the message, after the question if no session has taken that. */
  readonly unsent: ReadonlySignal<string> = computed(() => {
    const { question } = this.typed.asking.value;
    const message = this.#message.value;
    return question.trim() === "" ? message : withTakenBack(message, question);
  });

  /** `name` is that of the library's page. */
  constructor(
    name: string,
    private readonly link: Link,
    private readonly admission: HeldAdmission,
    private readonly memory: ChatMemory,
    private readonly typed: Typed,
  ) {
    this.#keptDraft = new KeptDraft(`carrel.draft.${name}`);
  }

  /** Returns to a session that this tab was in, and keeps the message as it is typed from now on. */
  begin(stage: ReadonlySignal<Stage>): void {
    const admission = this.admission.recall();
    if (admission !== undefined) {
      this.#recalled.value = this.#keptDraft.recall(admission.sessionId);
      this.#attend(admission);
    }
    effect(() => {
      // What is over can be read and saved in this tab, but is not kept for whoever loads it again (D78).
      const isOver = stage.value === "ended" || stage.value === "lost";
      this.#keptDraft.keep(isOver ? undefined : this.admission.current.value?.sessionId, this.#message.value);
    });
  }

  /** Whether the message as it is typed is still there after a reload. */
  get isDraftKept(): boolean {
    return this.#keptDraft.isKept;
  }

  /** Goes on with the chat that the browser remembers. */
  goOn(): void {
    // Otherwise the form would come in between.
    batch(() => {
      const chat = this.memory.take();
      if (chat === undefined) {
        this.#turnedAway.value = () => texts().turnedAway.notRemembered;
        return;
      }
      const admission = { sessionId: chat.sessionId, token: chat.token, taken: true, openSince: chat.began };
      this.admission.hold(admission);
      this.#attend(admission);
    });
  }

  /**
   * Handles that the chat is in this state. What the tab kept goes into the box, if the chat runs. If it has ended
   * while the page was away, whoever loads the page may be the next one at a shared computer, so it is dropped.
   */
  arrived(state: SessionState): void {
    const recalled = this.#recalled.value;
    if (recalled === "") return;
    batch(() => {
      this.#recalled.value = "";
      const { draft } = this.typed;
      if (state !== SessionState.ENDED) draft.value = withTakenBack(draft.value, recalled);
    });
  }

  /** Tells the patron why they are not back in their chat. */
  turnAway(refusal: Refusal): void {
    const taken = this.admission.current.value?.taken ?? false;
    this.#turnedAway.value = () => whyNoReturn(refusal, taken);
    if (HAS_ENDED.has(refusal.reason)) this.#recalled.value = "";
    this.#moveToForm();
  }

  /** Tells the patron that they were away for so long that they are not let into their chat any more. */
  expire(): void {
    this.#turnedAway.value = () => texts().turnedAway.letInNoLonger;
    this.#moveToForm();
  }

  /** Gives up the chat, for another question. It is ended if no other tab is in it. */
  giveUp(): void {
    const admission = this.admission.current.value;
    if (admission === undefined) return;
    const { sessionId, token, openSince = serverNow() } = admission;
    this.admission.drop();
    this.memory.giveUp({ sessionId, token, began: openSince });
  }

  /** Forgets the way back, and that there was none. */
  clear(): void {
    this.#turnedAway.value = undefined;
    this.#recalled.value = "";
  }

  #attend({ sessionId, seen, token }: Admission): void {
    this.link.hold(unknownSession(sessionId, seen));
    this.link.input(sessionId, { kind: "attend" });
    this.link.start(token);
  }

  /** Carries what was typed in the box over into the form, as for another question. */
  #moveToForm(): void {
    const question = this.unsent.value;
    batch(() => {
      this.#recalled.value = "";
      this.typed.draft.value = "";
      this.typed.asking.value = { ...this.typed.asking.value, question };
    });
  }
}
