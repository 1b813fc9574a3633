import type { Desk } from "../../app/desk/desk";
import { ALERT_KINDS, ALERT_WAYS, type AlertKind, type AlertWay } from "../../app/parts/alerts_settings";
import { Volume } from "../parts/volume";

const KINDS: Readonly<Record<AlertKind, string>> = {
  patron: "New patron",
  message: "New in a session",
  transfer: "Transfer offered",
  im: "Librarian's message",
  connection: "Not connected",
};
const WAYS: Readonly<Record<AlertWay, string>> = { sound: "Sound", title: "Tab title", desktop: "Notification" };

/**
 * The settings for how the librarian is alerted: each kind of alert in each way can be switched by itself (D32, K22).
 */
export function AlertSettings({ desk }: { desk: Desk }) {
  const { alerts } = desk;
  const { volume, ways } = alerts.settings.value;
  return (
    <section class="alert-settings" aria-label="Alerts">
      <table>
        <caption class="visually-hidden">Alerts</caption>
        <thead>
          <tr>
            <td />
            {ALERT_WAYS.map((way) => (
              <th key={way} scope="col">
                {WAYS[way]}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {ALERT_KINDS.map((kind) => (
            <tr key={kind}>
              <th scope="row">{KINDS[kind]}</th>
              {ALERT_WAYS.map((way) => (
                <td key={way}>
                  <input
                    type="checkbox"
                    aria-label={`${KINDS[kind]}: ${WAYS[way]}`}
                    checked={ways[kind][way]}
                    disabled={way === "desktop" && alerts.permission.value === "none"}
                    onChange={(event) => void alerts.set(kind, way, event.currentTarget.checked)}
                  />
                </td>
              ))}
              <td>
                <button type="button" class="link-button" onClick={() => alerts.sample(kind)}>
                  Hear it
                  <span class="visually-hidden">, the sound for: {KINDS[kind]}</span>
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Volume value={volume} onChange={(value) => alerts.setVolume(value)} />
      <Permission desk={desk} />
    </section>
  );
}

function Permission({ desk }: { desk: Desk }) {
  switch (desk.alerts.permission.value) {
    case "denied":
      return (
        <p class="hint over">
          This browser does not show notifications from this page. Allow them in the browser's settings for this
          address.
        </p>
      );
    case "none":
      return <p class="hint">This browser does not support notifications, or the page is not served over https.</p>;
    default:
      return (
        <p class="hint">
          What you choose is remembered in this browser, for you alone. Titles and notifications come only while you are
          looking elsewhere, and name no patron. While the desk is not connected, the title says so.
        </p>
      );
  }
}
