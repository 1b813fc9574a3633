import type { Desk } from "../../app/desk/desk";
import type { DeskTab } from "../../app/desk/place";
import { ConnectionMark } from "../parts/connection_mark";
import { Icon } from "../parts/icon";
import { SoundIsOff } from "../parts/sound_is_off";
import { Tabs } from "../parts/tabs";
import { ChatMark } from "./chat_news";
import { tabsOf } from "./desk_page";
import { ImMark } from "./im";
import { SettingsMenu } from "./settings_menu";
import { StatusControl } from "./status";

const NAMES: Record<DeskTab, string> = {
  chat: "Patron Chat",
  im: "IM",
  transcripts: "Transcripts",
  reports: "Reports",
  audit: "Audit",
};

/** The top of the desk: the open tab, the connection, and who is logged in. */
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
      {desk.alerts.soundIsOff.value && <SoundIsOff />}
      <div class="desk-tools">
        <StatusControl desk={desk} />
        <QueuesButton desk={desk} />
        <SettingsMenu desk={desk} />
        <div class="who" title={profile && `${profile.screenName}, ${profile.institutionName}`}>
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
      {tab === "chat" && <ChatMark desk={desk} />}
      {tab === "im" && <ImMark desk={desk} />}
    </>
  );
}

/** A button that says how many queues are monitored, or that it is practice, and opens the choice of queues (D27). */
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
