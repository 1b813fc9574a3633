import type { Desk } from "../../app/desk";
import type { DeskTab } from "../../app/desk_place";
import { ConnectionMark } from "../parts/connection_mark";
import { Icon } from "../parts/icon";
import { Tabs } from "../parts/tabs";
import { ThemeSwitch } from "../parts/theme_switch";
import { tabsOf } from "./desk_page";
import { ImMark } from "./im";
import { StatusControl } from "./status";

const NAMES: Record<DeskTab, string> = { chat: "Patron Chat", im: "IM", transcripts: "Transcripts", audit: "Audit" };

/** The top of the desk: where one is, whether one is connected, and who one is. */
export function DeskHead({ desk }: { desk: Desk }) {
  const profile = desk.profile.value;
  const tabs = tabsOf(desk);
  return (
    <header class="desk-head">
      <span class="brand">
        <span class="brand-name">Carrel</span>
      </span>
      <Tabs
        label="Desk"
        class="desk-tabs"
        idPrefix=""
        tabs={tabs.map((tab) => ({ id: tab, label: <TabName desk={desk} tab={tab} /> }))}
        selected={desk.tab.value}
        onSelect={(tab) => {
          desk.tab.value = tab;
        }}
      />
      <ConnectionMark link={desk.link} />
      {desk.alerts.soundIsOff.value && (
        <span class="tag warn sound-off" role="status">
          <Icon name="bell" /> Sound is off until you click
        </span>
      )}
      <div class="desk-tools">
        <StatusControl desk={desk} />
        <QueuesButton desk={desk} />
        <button
          type="button"
          class="icon-button"
          aria-label="Keyboard shortcuts and settings"
          title="Keyboard shortcuts and settings"
          onClick={() => desk.ask({ kind: "shortcuts" })}
        >
          <Icon name="help" />
        </button>
        <ThemeSwitch />
        <div class="who">
          <span class="who-name">{profile?.screenName}</span>
          <span class="who-library">{profile?.institutionName}</span>
        </div>
        <button type="button" class="button small" onClick={() => desk.ask({ kind: "log-out" })}>
          Log out
        </button>
      </div>
    </header>
  );
}

function TabName({ desk, tab }: { desk: Desk; tab: DeskTab }) {
  return (
    <>
      {NAMES[tab]}
      {tab === "im" && <ImMark desk={desk} />}
    </>
  );
}

/** How many queues are monitored, or that it is practice (D27). */
function QueuesButton({ desk }: { desk: Desk }) {
  const count = desk.queueIds.value?.length ?? 0;
  const number = count === 0 ? "No queue" : count === 1 ? "1 queue" : `${count} queues`;
  const practising = desk.presence.practising.value;
  return (
    <button
      type="button"
      class={`button small ${count === 0 || practising ? "attention" : ""}`}
      title={practising ? "You get practice patrons only. Choose your queues" : "Choose the queues that you watch"}
      onClick={() => desk.ask({ kind: "queues" })}
    >
      {count === 0 && <Icon name="alert" />}
      {practising ? "Practice" : number}
    </button>
  );
}
