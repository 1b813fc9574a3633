import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { PagedList } from "../app/parts/pages";
import type { Library } from "../gen/carrel/directory/v1/directory_service_pb";
import { Icon } from "./parts/icon";
import { OneMoment } from "./parts/one_moment";
import { ThemeSwitch } from "./parts/theme_switch";

/** The page where a patron chooses their library, or a librarian goes to the desk. */
export function IndexPage({ list }: { list: PagedList<Library> }) {
  const heading = useRef<HTMLHeadingElement>(null);
  return (
    <div class="index">
      <header class="index-head">
        <span class="brand">Carrel</span>
        <ThemeSwitch />
      </header>
      <main>
        <h1 class="display" ref={heading} tabIndex={-1}>
          Ask your library
        </h1>
        <p class="lead">A librarian answers you here, in person. Choose your library to begin.</p>
        {list.error.value ? <NotRead list={list} heading={heading} /> : <Libraries entries={list.entries.value} />}
      </main>
      <footer class="index-foot">
        <p>
          Are you a librarian? <a href="/desk">Go to the desk</a>
        </p>
      </footer>
    </div>
  );
}

function Libraries({ entries }: { entries: readonly Library[] | undefined }) {
  if (entries === undefined) return <OneMoment />;
  if (entries.length === 0) {
    return <p class="notice">No library takes questions here yet. An administrator can add one to the directory.</p>;
  }
  return (
    <ul class="libraries">
      {entries.map((library) => (
        <li key={library.institutionId}>
          <a class="card library" href={`/ask/${encodeURIComponent(library.institutionId)}`}>
            <span>
              <strong>{library.name}</strong>
              {library.welcome && <span class="library-welcome">{library.welcome}</span>}
            </span>
            <Icon name="arrow" />
          </a>
        </li>
      ))}
    </ul>
  );
}

interface NotReadProps {
  list: PagedList<Library>;
  heading: RefObject<HTMLHeadingElement | null>;
}

function NotRead({ list, heading }: NotReadProps) {
  useEffect(
    () => () => {
      // The button that had the focus disappears with the error.
      requestAnimationFrame(() => {
        if (document.activeElement === document.body) heading.current?.focus();
      });
    },
    [],
  );
  return (
    <div class="notice bad" role="alert">
      {list.error.value}{" "}
      <button type="button" class="link-button" onClick={() => void list.reload()}>
        Try again
      </button>
    </div>
  );
}
