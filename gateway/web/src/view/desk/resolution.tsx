import { create } from "@bufbuild/protobuf";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { codesOf, sameCodes } from "../../app/desk/descriptive_codes";
import type { Desk } from "../../app/desk/desk";
import { Part, type Person, Resolution, type Session, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { AuditedSessionSchema } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import { wasUnowned } from "../../state/owners";
import type { SessionView } from "../../state/session";
import { codesWords, RESOLUTION_CHOICES, resolutionWords } from "../../words";
import { Icon } from "../parts/icon";
import { CodeChooser } from "./code_chooser";
import { NotRead } from "./unread_policies";

/** The resolution of an ended session, or that it is not coded yet, in words, for its row (R16). */
export function ResolutionTag({ desk, session }: { desk: Desk; session: Session }) {
  const isCoded = session.resolution !== Resolution.UNSPECIFIED;
  const isMissing = !isCoded && !wasUnowned(session);
  return (
    <span class={isMissing ? "tag not-coded" : "tag"}>
      <Icon name={!isMissing ? "check" : "clock"} /> {wordsFor(desk, session)}
    </span>
  );
}

/**
 * Asks the owner of an ended session how it ended. The librarian is free already, and can answer later (R16). To a
 * supervisor, who hears nothing of the session any more, it says where the answer can be seen and corrected.
 */
export function ResolutionBar({ desk, view }: { desk: Desk; view: SessionView }) {
  const { session, sessionId } = view;
  if (session?.state !== SessionState.ENDED) return null;
  if (view.part === Part.COLLEAGUE) return <ResolutionElsewhere desk={desk} session={session} />;
  const isOwn = session.owner !== undefined && session.owner.librarianId === desk.profile.value?.librarianId;
  const asks = isOwn && session.resolution === Resolution.UNSPECIFIED && !desk.resolutions.putOff.value.has(sessionId);
  return (
    <div class="banner resolution-bar">
      <ResolutionSetter desk={desk} session={session} asks={asks} onLater={() => desk.resolutions.later(sessionId)} />
    </div>
  );
}

function ResolutionElsewhere({ desk, session }: { desk: Desk; session: Session }) {
  const { sessionId, state, patronName, openTime } = session;
  const asAudited = { sessionId, state, patronName, ...(openTime ? { openTime } : {}) };
  return (
    <div class="banner resolution-bar">
      <p class="resolution-line">
        <span>You were in conference mode. What the librarian says of how it ended is with its transcript.</span>
        <button
          type="button"
          class="button small"
          onClick={() => desk.openTranscript(create(AuditedSessionSchema, asAudited))}
        >
          Open the transcript
        </button>
      </p>
    </div>
  );
}

interface ResolutionSetterProps {
  desk: Desk;
  session: Session;
  /** Whether the choices are shown without being asked for. */
  asks?: boolean;
  /** The librarian puts the question off. */
  onLater?: () => void;
  /** The resolution or the descriptive codes were set. */
  onSet?: (facts: Said) => void;
}

/** What the user has said of a session. */
export type Said = Partial<Pick<Session, "resolution" | "resolutionBy" | "descriptiveCodes">>;

/** The resolution and the descriptive codes of a session, and the way to set or correct them (R16, D65). */
export function ResolutionSetter({ desk, session, asks = false, onLater, onSet }: ResolutionSetterProps) {
  const [isOpen, setOpen] = useState(false);
  const line = useRef<HTMLParagraphElement>(null);
  const change = useRef<HTMLButtonElement>(null);
  const choices = useRef<HTMLFormElement>(null);
  /**
   * Whether the choices had the focus when they were last drawn, and whether they were closed without setting anything.
   */
  const hadFocus = useRef(false);
  const isLeft = useRef(false);
  if (choices.current !== null) hadFocus.current = choices.current.contains(document.activeElement);
  const shown = asks || isOpen;
  useEffect(() => {
    // The element that had the focus is gone.
    if (!shown && hadFocus.current) (isLeft.current ? change : line).current?.focus();
    if (shown && isOpen) focusChosen(choices.current);
    hadFocus.current = false;
    isLeft.current = false;
  }, [shown]);
  // The codes are those of the patron's library, whoever answered (D41).
  const library = codesOf(desk.policies, session.institutionId);
  const phase = desk.link.connection.value.phase.name;
  useEffect(() => {
    if (shown) desk.policies.look();
  }, [desk, shown, phase]);
  const { sessionId } = session;
  const isCoded = session.resolution !== Resolution.UNSPECIFIED;
  const leave = () => {
    isLeft.current = true;
    setOpen(false);
    onLater?.();
  };
  const set = async (picked: Resolution | undefined, codes: readonly string[]) => {
    const isAboutElse = !sameCodes(session.descriptiveCodes, codes);
    const resolution = picked ?? suggested(desk, session);
    // Whoever only corrects the codes says nothing of how it ended.
    const says = resolution !== Resolution.UNSPECIFIED && (picked !== undefined || resolution !== session.resolution);
    const [isSaid, isCoded] = await Promise.all([
      says && desk.resolutions.set(sessionId, resolution),
      isAboutElse && desk.resolutions.setCodes(sessionId, codes, library?.codeList ?? ""),
    ]);
    if (isSaid) {
      desk.announcer.say(`Resolution: ${resolutionWords(resolution, undefined)}.`);
      onSet?.({ resolution, resolutionBy: undefined });
    }
    if (isCoded) {
      desk.announcer.say(`Descriptive codes: ${codesWords(codes)}.`);
      onSet?.({ descriptiveCodes: [...codes] });
    }
    if (isSaid === says && isCoded === isAboutElse) setOpen(false);
  };
  if (!shown) {
    return (
      <p class="resolution-line" ref={line} tabIndex={-1}>
        <span>
          Resolution: <strong>{wordsFor(desk, session)}</strong>
        </span>
        {session.descriptiveCodes.length > 0 && (
          <span>
            About: <strong>{codesWords(session.descriptiveCodes)}</strong>
          </span>
        )}
        {session.eraseTime === undefined && (
          <button ref={change} type="button" class="button small" onClick={() => setOpen(true)}>
            {isCoded ? "Correct …" : "Set …"}
            <span class="visually-hidden">, the resolution of the session with {patronOf(session, "the patron")}</span>
          </button>
        )}
      </p>
    );
  }
  return (
    <Choices
      formRef={choices}
      live={suggested(desk, session)}
      liveCodes={session.descriptiveCodes}
      list={desk.policies.all.value && (library?.descriptiveCodes ?? [])}
      notRead={<NotRead desk={desk} what="The library's descriptive codes" />}
      mayLeave={isCoded}
      isSetting={desk.resolutions.isSetting(sessionId)}
      otherwise={isCoded ? "Cancel" : "Not now"}
      onSet={(picked, codes) => void set(picked, codes)}
      onCancel={leave}
    />
  );
}

interface ChoicesProps {
  formRef: { current: HTMLFormElement | null };
  /** The choice as it is without the user, who may have colleagues that set it meanwhile. */
  live: Resolution;
  /** The session's descriptive codes as they are now. */
  liveCodes: readonly string[];
  /** Those of its library, once they were read, and what is said if they could not be read. */
  list: readonly string[] | undefined;
  notRead: ComponentChildren;
  /** Whether the codes may be corrected without saying how it ended. */
  mayLeave: boolean;
  isSetting: boolean;
  /** The label of the button that changes nothing. */
  otherwise: string;
  /** `picked` is the choice that the user made, if they made one. */
  onSet: (picked: Resolution | undefined, codes: readonly string[]) => void;
  onCancel: () => void;
}

function Choices(props: ChoicesProps) {
  const { formRef, live, liveCodes, list, mayLeave, notRead, isSetting, otherwise, onSet, onCancel } = props;
  // Only what the user touches is remembered: the rest follows the session, so that nothing a colleague sets while the
  // form is open is undone by sending it.
  const [picked, setPicked] = useState<Resolution>();
  const [changes, setChanges] = useState<CodeChanges>(NO_CHANGES);
  const chosen = picked ?? live;
  const codes = withChanges(liveCodes, changes);
  const name = useId();
  const isNone = chosen === Resolution.UNSPECIFIED && !(mayLeave && !sameCodes(liveCodes, codes));
  return (
    <form
      class="resolution"
      ref={formRef}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isNone && !isSetting) onSet(picked, codes);
      }}
    >
      <fieldset>
        <legend>How did it end?</legend>
        {RESOLUTION_CHOICES.map(([resolution, words]) => (
          <label key={resolution} class="choice">
            <input
              type="radio"
              name={name}
              value={resolution}
              checked={chosen === resolution}
              onChange={() => setPicked(resolution)}
            />
            {words}
          </label>
        ))}
      </fieldset>
      {list === undefined && notRead}
      {list !== undefined && (list.length > 0 || codes.length > 0) && (
        <CodeChooser list={list} chosen={codes} onChange={(after) => setChanges(changesTo(liveCodes, after))} />
      )}
      <div class="resolution-actions">
        <button type="submit" class="button small primary" aria-disabled={isNone || isSetting}>
          {isSetting ? "Setting …" : "Set the resolution"}
        </button>
        <button type="button" class="button small plain" onClick={onCancel}>
          {otherwise}
        </button>
      </div>
    </form>
  );
}

/** Which descriptive codes the user has added to a session's and taken off. */
interface CodeChanges {
  added: readonly string[];
  taken: readonly string[];
}

const NO_CHANGES: CodeChanges = { added: [], taken: [] };

/** Returns what the user has changed if the codes are to become `after`. */
function changesTo(live: readonly string[], after: readonly string[]): CodeChanges {
  return {
    added: after.filter((code) => !live.includes(code)),
    taken: live.filter((code) => !after.includes(code)),
  };
}

/** Returns the codes with what the user has changed. */
function withChanges(live: readonly string[], { added, taken }: CodeChanges): string[] {
  const kept = live.filter((code) => !taken.includes(code));
  return [...kept, ...added.filter((code) => !kept.includes(code))];
}

function focusChosen(form: HTMLFormElement | null): void {
  const radios = [...(form?.querySelectorAll<HTMLInputElement>("input") ?? [])];
  (radios.find((radio) => radio.checked) ?? radios[0])?.focus();
}

/** Returns the choice to begin with: the resolution that is set, or Practice for a practice session. */
function suggested(desk: Desk, { resolution, resolutionBy, queueId }: Session): Resolution {
  // "By me" would mean the reader now, not the librarian who set it.
  const isOthers = resolution === Resolution.FOLLOW_UP_BY_ME && !isUser(desk, resolutionBy);
  if (resolution !== Resolution.UNSPECIFIED) return isOthers ? Resolution.UNSPECIFIED : resolution;
  return desk.isPractice(queueId) ? Resolution.PRACTICE : Resolution.UNSPECIFIED;
}

/** Returns the resolution in words for the user. What they have just set themselves comes without an author. */
function wordsFor(desk: Desk, session: Session): string {
  const { resolution, resolutionBy, eraseTime } = session;
  if (resolution === Resolution.UNSPECIFIED && wasUnowned(session)) return "No librarian";
  // Who set it was erased as well.
  if (resolution === Resolution.FOLLOW_UP_BY_ME && eraseTime !== undefined) return "Follow-up by the librarian";
  return resolutionWords(resolution, isUser(desk, resolutionBy) ? undefined : resolutionBy);
}

function isUser(desk: Desk, person: Person | undefined): boolean {
  return person === undefined || person.librarianId === desk.profile.value?.librarianId;
}
