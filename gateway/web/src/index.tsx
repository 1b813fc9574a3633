/** The first page: the libraries, and the way to the desk. */
import { signal } from "@preact/signals";
import { render } from "preact";
import { ApiError, libraries } from "./api";
import "./app/settings";
import type { Library } from "./gen/carrel/directory/v1/directory_service_pb";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/index.css";
import { IndexPage } from "./view/index_page";

const found = signal<readonly Library[] | undefined>(undefined);
const error = signal("");

async function load(): Promise<void> {
  error.value = "";
  try {
    const all: Library[] = [];
    let pageToken = "";
    do {
      const page = await libraries(pageToken);
      all.push(...page.libraries);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    found.value = all;
  } catch (failure) {
    error.value = failure instanceof ApiError ? failure.message : "The list could not be read. Reload this page.";
  }
}

const root = document.getElementById("page");
if (root) render(<IndexPage libraries={found} error={error} onRetry={() => void load()} />, root);
void load();
