/** The first page: the list of libraries, and a link to the desk. */
import { render } from "preact";
import { everyLibrary } from "./app/parts/libraries";
import "./app/parts/settings";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/index.css";
import { IndexPage } from "./view/index_page";

const list = everyLibrary();
const root = document.getElementById("page");
if (root) render(<IndexPage list={list} />, root);
void list.reload();
