/** The chat monitor. */
import { render } from "preact";
import { Desk } from "./app/desk/desk";
import { askBeforeLeaving, isDeskUnsent } from "./app/parts/leaving";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/stream.css";
import "./styles/desk.css";
import "./styles/lists.css";
import "./styles/session.css";
import "./styles/transfer.css";
import "./styles/marks.css";
import "./styles/reports.css";
import "./styles/review.css";
import "./styles/resolution.css";
import "./styles/librarians.css";
import "./styles/im.css";
import "./styles/narrow.css";
import "./styles/short.css";
import "./styles/index.css";
import "./styles/paper.css";
import { DeskPage } from "./view/desk/desk_page";

const desk = new Desk();
const root = document.getElementById("page");
if (root) render(<DeskPage desk={desk} />, root);
askBeforeLeaving(() => isDeskUnsent(desk));
desk.begin();
