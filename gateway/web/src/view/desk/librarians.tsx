import { useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import type { LibrarianRow } from "../../gen/carrel/presence/v1/presence_service_pb";
import { librariansOf, type RosterSort, shares } from "../../state/roster";
import { Icon } from "../parts/icon";
import { asksForMenu, Menu, menuOpener } from "../parts/menu";
import { useFocusAfter } from "../parts/open_tab";
import { librarianMenu } from "./librarian_menu";
import { EmptyList } from "./list_pane";
import { QueueLines } from "./queue_lines";
import { StatusMark } from "./status";

const COLUMNS: readonly { id: RosterSort; name: string }[] = [
  { id: "librarian", name: "Librarian" },
  { id: "queues", name: "Queues" },
  { id: "active", name: "Active" },
  { id: "queue", name: "Queue (Library)" },
];

/** The librarians who share a queue with the user, and the state of the user's queues (S39, D4, D19). */
export function Librarians({ desk }: { desk: Desk }) {
  const { loaded, librarians } = desk.presence.roster.value;
  return (
    <>
      <QueueLines desk={desk} />
      {librarians.size > 0 ? <LibrariansTable desk={desk} /> : <Nobody desk={desk} loaded={loaded} />}
    </>
  );
}

function Nobody({ desk, loaded }: { desk: Desk; loaded: boolean }) {
  if (!loaded) return <EmptyList title="Checking who is here …">The list appears in a moment.</EmptyList>;
  if (desk.presence.own.value?.queueIds.length) {
    return <EmptyList title="Nobody else is here">Librarians who monitor one of your queues appear here.</EmptyList>;
  }
  return (
    <EmptyList title="You are not monitoring a queue">
      You see the librarians who share a queue with you.
      <button type="button" class="button small" onClick={() => desk.ask({ kind: "queues" })}>
        Choose queues
      </button>
    </EmptyList>
  );
}

function LibrariansTable({ desk }: { desk: Desk }) {
  const [sort, setSort] = useState<RosterSort>("librarian");
  const [reverse, setReverse] = useState(false);
  const turn = (by: RosterSort) => {
    setReverse(by === sort && !reverse);
    setSort(by);
  };
  return (
    <table class="librarians" aria-label="Librarians">
      <thead>
        <tr>
          {COLUMNS.map(({ id, name }) => (
            <th
              key={id}
              scope="col"
              class={`librarians-${id}`}
              aria-sort={sort === id ? (reverse ? "descending" : "ascending") : undefined}
            >
              <button type="button" class="sort" aria-pressed={sort === id} onClick={() => turn(id)}>
                {name}
                {sort === id && <span aria-hidden="true">{reverse ? " ↓" : " ↑"}</span>}
              </button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {librariansOf(desk.presence.roster.value, sort, reverse).map((row) => (
          <LibrarianLine key={row.librarianId} desk={desk} row={row} />
        ))}
      </tbody>
    </table>
  );
}

/** A line. Right-click, the menu key, Shift+F10, and a press on the name or on "…" open the same menu (S40, D83). */
function LibrarianLine({ desk, row }: { desk: Desk; row: LibrarianRow }) {
  const [menuOpen, setMenuOpen] = useState(false);
  const name = useRef<HTMLButtonElement>(null);
  const line = useRef<HTMLTableRowElement>(null);
  useFocusAfter(line);
  const close = (back: boolean) => {
    setMenuOpen(false);
    if (back) name.current?.focus();
  };
  const opener = menuOpener(
    menuOpen,
    () => setMenuOpen(true),
    () => close(true),
  );
  return (
    <tr
      ref={line}
      class="librarian"
      onContextMenu={(event) => {
        event.preventDefault();
        setMenuOpen(true);
      }}
    >
      <th scope="row" class="librarians-librarian">
        <button
          ref={name}
          type="button"
          class="librarian-name"
          {...opener}
          onDblClick={() => {
            if (shares(row)) desk.im.start(row);
          }}
          onKeyDown={(event) => {
            if (asksForMenu(event)) {
              event.preventDefault();
              setMenuOpen(true);
            }
            goTo(event);
          }}
        >
          {row.screenName}
        </button>
        {row.realName && <span class="librarian-real-name">{row.realName}</span>}
        <StatusMark status={row.status} />
        {menuOpen && (
          <Menu label={`What to do with ${row.screenName}`} entries={librarianMenu(desk, row)} onClose={close} />
        )}
      </th>
      <td class="librarians-queues">{row.queueCount}</td>
      <td class="librarians-active">{row.activeCount}</td>
      <td class="librarians-queue">
        {row.primaryQueueName} <span class="library">({row.institutionName})</span>
        <button
          type="button"
          class="icon-button librarian-more"
          aria-label={`Menu for ${row.screenName}`}
          tabIndex={-1}
          {...opener}
        >
          <Icon name="more" />
        </button>
      </td>
    </tr>
  );
}

/** Moves the focus to another librarian with the arrow keys, Home and End. */
function goTo(event: KeyboardEvent): void {
  const here = event.currentTarget;
  if (!(here instanceof HTMLElement)) return;
  const names = [...(here.closest("tbody")?.querySelectorAll<HTMLElement>(".librarian-name") ?? [])];
  const index = names.indexOf(here);
  const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: names.length - 1 }[event.key];
  const next = to === undefined ? undefined : names[to];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
