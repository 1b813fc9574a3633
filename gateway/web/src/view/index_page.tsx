import type { ReadonlySignal } from "@preact/signals";
import type { Library } from "../gen/carrel/directory/v1/directory_service_pb";
import { Icon } from "./parts/icon";
import { ThemeSwitch } from "./parts/theme_switch";

interface IndexPageProps {
  libraries: ReadonlySignal<readonly Library[] | undefined>;
  error: ReadonlySignal<string>;
  onRetry: () => void;
}

/** Where a person chooses their library, or a librarian goes to the desk. */
export function IndexPage({ libraries, error, onRetry }: IndexPageProps) {
  return (
    <div class="index">
      <header class="index-head">
        <span class="brand">Carrel</span>
        <ThemeSwitch />
      </header>
      <main>
        <h1 class="display">Ask your library</h1>
        <p class="lead">A librarian answers you here, in person. Choose your library to begin.</p>
        {error.value && (
          <div class="notice bad" role="alert">
            {error.value}{" "}
            <button type="button" class="link-button" onClick={onRetry}>
              Try again
            </button>
          </div>
        )}
        {libraries.value?.length === 0 && (
          <p class="notice">No library takes questions here yet. An administrator adds them to the directory.</p>
        )}
        <ul class="libraries">
          {libraries.value?.map((library) => (
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
      </main>
      <footer class="index-foot">
        <p>
          Are you a librarian? <a href="/desk">Go to the desk</a>
        </p>
      </footer>
    </div>
  );
}
