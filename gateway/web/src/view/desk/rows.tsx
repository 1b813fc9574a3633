import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import type { SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { roughly } from "../../time";
import { Hidden } from "../parts/hidden";
import { Icon } from "../parts/icon";
import { asksForMenu, Menu, type MenuEntry, menuOpener } from "../parts/menu";
import { useFocusAfter } from "../parts/open_tab";

/** The name of a row's patron. */
export function patronOf(row: SessionRow): string {
  return row.patronName || "Patron";
}

interface RowProps {
  /** What opening the row does, before what the row says: "Pick up". */
  verb: string;
  menu: readonly MenuEntry[];
  onOpen: () => void;
  selected?: boolean;
  busy?: boolean;
  class?: string;
  /** Whose row it is. */
  name: string;
  /** Shown beside the row while the pointer or the focus is on it. */
  preview?: ComponentChildren;
  children: ComponentChildren;
}

/** A row of a list: a click or Enter opens it; the arrow keys go to the next; it has a menu and maybe a preview. */
export function Row({
  verb,
  name,
  menu,
  onOpen,
  selected = false,
  busy = false,
  class: extra = "",
  preview,
  children,
}: RowProps) {
  const id = useId();
  const [menuOpen, setMenuOpen] = useState(false);
  const [beside, setBeside] = useState<Place | undefined>(undefined);
  const row = useRef<HTMLLIElement>(null);
  const main = useRef<HTMLButtonElement>(null);
  // The patron is picked up by somebody else, or the session ends, while the focus is here.
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
        aria-describedby={preview && beside ? id : undefined}
        onClick={(event) => {
          // The first click may have brought another list under the pointer: the second is not meant for its row.
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
        <Hidden>{verb}</Hidden>
        {children}
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
        <div class="preview" role="tooltip" id={id} style={beside}>
          {preview}
        </div>
      )}
    </li>
  );
}

/** Whose row it is. There is not room for every name, and the pointer shows the whole of it. */
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
  /** Since when it has lasted, by that clock. If that is not known, it begins. */
  since: number | undefined;
  /** What has lasted, for those who do not see it: "waiting". */
  what: string;
  /** How a time in milliseconds is shown. */
  show: (ms: number) => string;
  /** Before the time. */
  children?: ComponentChildren;
}

/**
 * A running time in a row. It is read out by the minute, so that a row with the focus is not told again each second. It
 * looks at the clock itself: of hundreds of rows nothing else is drawn anew each second.
 */
export function RowTime({ now, since, what, show, children }: RowTimeProps) {
  const ms = now.value - (since ?? now.value);
  return (
    <span class="row-time">
      <span aria-hidden="true">
        {children}
        {show(ms)}
      </span>
      <Hidden>{`${what} ${roughly(ms)}`}</Hidden>
    </span>
  );
}

type Place = { left: string; top: string };

const PREVIEW_HEIGHT = 440;

/** A place beside a row, within the window. Nothing else moves when something appears there. */
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
