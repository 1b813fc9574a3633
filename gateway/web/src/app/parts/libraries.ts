/** The libraries that have a patron page. */
import { libraries } from "../../api";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { PagedList } from "./pages";

/** Returns all libraries as a list of a single page, so that nobody has to search page by page. */
export function everyLibrary(): PagedList<Library> {
  return new PagedList(async () => {
    const entries: Library[] = [];
    let pageToken = "";
    do {
      const page = await libraries(pageToken);
      entries.push(...page.libraries);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return { entries, nextPageToken: "" };
  });
}
