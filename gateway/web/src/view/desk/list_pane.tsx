import type { ComponentChildren } from "preact";
import type { Desk } from "../../app/desk/desk";
import type { ListName } from "../../app/desk/place";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { countOf, waitingCount } from "../../state/lists";
import { Tabs } from "../parts/tabs";
import { AllList } from "./all_list";
import { Librarians } from "./librarians";
import { MineList } from "./mine_list";
import { NewList } from "./new_list";

/** The lists: New, My Active, All for those who may supervise, and Librarians (S39). */
export function ListPane({ desk }: { desk: Desk }) {
  const lists = desk.lists.value;
  const { inAll, inMyActive } = desk.unread;
  const tab = (id: ListName, name: string, count: number, mark?: string) => ({
    id,
    label: (
      <>
        {name} <Count number={count} />
        {mark && <span class="tab-mark">{mark}</span>}
      </>
    ),
  });
  const tabs: { id: ListName; label: ComponentChildren }[] = [
    tab("new", "New", waitingCount(lists)),
    tab("mine", "My Active", countOf(lists, SessionList.MY_ACTIVE), unreadMark(inMyActive.value)),
  ];
  if (desk.maySupervise.value) {
    tabs.push(tab("all", "All", countOf(lists, SessionList.ALL), unreadMark(inAll.value)));
  }
  tabs.push({
    id: "librarians",
    label: (
      <>
        Librarians <Count number={desk.presence.roster.value.librarians.size} />
      </>
    ),
  });
  const list = desk.list.value;
  return (
    <section class="list-pane" aria-label="Sessions">
      <Tabs
        label="Sessions"
        class="list-tabs"
        idPrefix="list-"
        tabs={tabs}
        selected={list}
        onSelect={(id) => {
          desk.list.value = id;
        }}
      />
      <div class="list-body" role="tabpanel" id={`panel-list-${list}`} aria-labelledby={`tab-list-${list}`}>
        {list === "new" && <NewList desk={desk} />}
        {list === "mine" && <MineList desk={desk} />}
        {list === "all" && <AllList desk={desk} />}
        {list === "librarians" && <Librarians desk={desk} />}
      </div>
    </section>
  );
}

function unreadMark(sessions: number): string | undefined {
  return sessions > 0 ? `${sessions} unread` : undefined;
}

function Count({ number }: { number: number }) {
  return <span class={number > 0 ? "count some" : "count"}>{number}</span>;
}

/** What a list shows before the server has sent it: it must not look empty, as if nobody waited. */
export function NotKnownYet() {
  return <EmptyList title="Loading …">The list appears as soon as the server has sent it.</EmptyList>;
}

/** What a list shows when nothing is in it. */
export function EmptyList({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      <p>{children}</p>
    </div>
  );
}
