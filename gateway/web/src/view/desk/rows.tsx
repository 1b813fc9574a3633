import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { roughly, stopwatch } from "../../time";
import { beginningOf } from "../../words";
import { Hidden } from "../parts/hidden";
import { Icon } from "../parts/icon";
import { asksForMenu, Menu, type MenuEntry, menuOpener } from "../parts/menu";
import { useFocusAfter } from "../parts/open_tab";
import { PREVIEWED } from "./row_question";

interface RowProps {
  /** What opening the row does, said before the row's content: "Pick up". */
  verb: string;
  menu: readonly MenuEntry[];
  onOpen: () => void;
  selected?: boolean;
  busy?: boolean;
  class?: string;
  /** The name of the person whose row it is. */
  name: string;
  /**
   * The question, or what was written last. Screen readers get it after the rest of the row, which is the row's name.
   */
  text?: string | undefined;
  /** What the preview tells beyond that and matters to whoever opens the row. Screen readers get it before the text. */
  told?: string | undefined;
  /** Shown beside the row while the pointer or the focus is on it. */
  preview?: ComponentChildren;
  children: ComponentChildren;
}

/** A row of a list. A click or Enter opens it, the arrow keys move between rows; it has a menu and maybe a preview. */
export function Row({
  verb,
  name,
  menu,
  onOpen,
  selected = false,
  busy = false,
  class: extra = "",
  text = "",
  told = "",
  preview,
  children,
}: RowProps) {
  const id = useId();
  // The preview comes and goes with the pointer and may be long, so the row is not described by it.
  const described = [told && `${id}-told`, text && `${id}-text`].filter((one) => one !== "");
  const [menuOpen, setMenuOpen] = useState(false);
  const [beside, setBeside] = useState<Place | undefined>(undefined);
  const row = useRef<HTMLLIElement>(null);
  const main = useRef<HTMLButtonElement>(null);
  // While the focus is here, the session may end, or another librarian may pick the patron up.
  useFocusAfter(row);
  const point = () => setBeside(row.current ? besideOf(row.current) : undefined);
  const unpoint = () => {
    if (!row.current?.matches(":hover, :focus-within")) setBeside(undefined);
  };
  const close = (back: boolean) => {
    setMenuOpen(false);
    if (back) main.current?.focus();
  };
  return (
    <li
      ref={row}
      onPointerEnter={point}
      onPointerLeave={unpoint}
      onFocusIn={point}
      onFocusOut={() => requestAnimationFrame(unpoint)}
      class={`row ${selected ? "selected" : ""} ${extra}`}
      onContextMenu={(event) => {
        event.preventDefault();
        setMenuOpen(true);
      }}
    >
      <button
        ref={main}
        type="button"
        class="row-main"
        aria-current={selected ? "true" : undefined}
        aria-busy={busy}
        aria-labelledby={`${id}-name`}
        aria-describedby={described.length > 0 ? described.join(" ") : undefined}
        onClick={(event) => {
          // The first click may have brought another list under the pointer: a second one is not meant for the row
          // there.
          if (event.detail <= 1) onOpen();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && event.repeat) event.preventDefault();
          if (event.key === "Escape") setBeside(undefined);
          if (asksForMenu(event)) {
            event.preventDefault();
            setMenuOpen(true);
          }
          moveFocus(event);
        }}
      >
        <span class="row-head" id={`${id}-name`}>
          <Hidden>{verb}</Hidden>
          {children}
        </span>
        {told !== "" && (
          <span class="visually-hidden" id={`${id}-told`}>
            {told}
          </span>
        )}
        {text !== "" && (
          <span class="row-question" id={`${id}-text`}>
            {beginningOf(text, PREVIEWED)}
          </span>
        )}
      </button>
      <button
        type="button"
        class="icon-button row-more"
        aria-label={`Menu for ${name}`}
        tabIndex={-1}
        {...menuOpener(
          menuOpen,
          () => setMenuOpen(true),
          () => close(true),
        )}
      >
        <Icon name="more" />
      </button>
      {menuOpen && <Menu label={`What to do with ${name}`} entries={menu} onClose={close} />}
      {preview && beside && !menuOpen && (
        <div class="preview" role="tooltip" style={beside}>
          {preview}
        </div>
      )}
    </li>
  );
}

/** The name of the person whose row it is. A name too long for the row is shown in full under the pointer. */
export function RowName({ name }: { name: string }) {
  return (
    <strong class="row-name" title={name}>
      {name}
    </strong>
  );
}

interface RowTimeProps {
  /** The clock, in milliseconds. */
  now: ReadonlySignal<number>;
  /** When it began, by that clock. While that is unknown, the time shown is zero. */
  since: number | undefined;
  /** What has lasted so long, for screen readers: "waiting". */
  what: string;
  /** What is shown before the time. */
  children?: ComponentChildren;
}

/**
 * A running time in a row. Screen readers get it by the minute, so that a row with the focus is not read out again each
 * second. It reads the clock itself, so that with hundreds of rows nothing else is redrawn each second.
 */
export function RowTime({ now, since, what, children }: RowTimeProps) {
  const ms = now.value - (since ?? now.value);
  return (
    <span class="row-time">
      <span aria-hidden="true">
        {children}
        {stopwatch(ms)}
      </span>
      <Hidden>{`${what} ${roughly(ms)}`}</Hidden>
    </span>
  );
}

type Place = { left: string; top: string };

const PREVIEW_HEIGHT = 440;

/** Returns a place beside a row, within the window. Nothing else moves when something appears there. */
function besideOf(row: HTMLElement): Place {
  const { right, top } = row.getBoundingClientRect();
  return { left: `${right - 4}px`, top: `${Math.max(8, Math.min(top, innerHeight - PREVIEW_HEIGHT))}px` };
}

function moveFocus(event: KeyboardEvent): void {
  const here = event.currentTarget;
  if (!(here instanceof HTMLElement)) return;
  const rows = [...(here.closest("ul")?.querySelectorAll<HTMLElement>(".row-main") ?? [])];
  const index = rows.indexOf(here);
  const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: rows.length - 1 }[event.key];
  const next = to === undefined ? undefined : rows[to];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
