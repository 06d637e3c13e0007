import { render } from "preact";
import { App } from "./app.tsx";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/figures.css";

render(<App />, document.getElementById("explorer") as HTMLElement);
