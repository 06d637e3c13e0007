import type { FunctionComponent } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { forgetKey, keepKey, keptKey, takeKeyFromAddress } from "./access.ts";
import { type Address, changed, formatAddress, parseAddress, withUsual } from "./address.ts";
import { Api } from "./api.ts";
import { ExplorerContext, useExplorer } from "./context.ts";
import { DEFAULT_RANGE, dayOf, isTimeZone, ownTimeZone, ranges } from "./dates.ts";
import { KeyForm } from "./key-form.tsx";
import { Controls } from "./shared/controls.tsx";
import { CohortsView } from "./views/cohorts.tsx";
import { FlowsView } from "./views/flows.tsx";
import { FunnelView } from "./views/funnel.tsx";
import { Live } from "./views/live.tsx";
import { Overview } from "./views/overview.tsx";
import { PatternsView } from "./views/patterns.tsx";
import { SessionView } from "./views/session.tsx";
import { Sessions } from "./views/sessions.tsx";
import { TransitionsView } from "./views/transitions.tsx";

interface View {
  readonly name: string;
  readonly content: FunctionComponent;
  /** Whether it is about the sessions of a selection. */
  readonly isSelected: boolean;
}

const VIEWS: Readonly<Record<string, View>> = {
  overview: { name: "Overview", content: Overview, isSelected: true },
  sessions: { name: "Sessions", content: Sessions, isSelected: true },
  funnel: { name: "Funnel", content: FunnelView, isSelected: true },
  flows: { name: "Flows", content: FlowsView, isSelected: true },
  transitions: { name: "Before & after", content: TransitionsView, isSelected: true },
  cohorts: { name: "Returning", content: CohortsView, isSelected: true },
  patterns: { name: "Patterns", content: PatternsView, isSelected: true },
  live: { name: "Now", content: Live, isSelected: false },
};
const SESSION: View = { name: "Session", content: SessionView, isSelected: false };

function viewOf({ view }: Address): View | undefined {
  if (view === "session") return SESSION;
  return Object.hasOwn(VIEWS, view) ? VIEWS[view] : undefined;
}

export function App() {
  const [address, navigate] = useAddress(() => setKey(keptKey()));
  const [key, setKey] = useState(keptKey); // after the address, which can have brought it
  const [reason, setReason] = useState("");
  const websiteId = address.params.get("website_id") ?? "";
  const api = useMemo(
    () => (key && websiteId ? new Api(key, websiteId) : undefined),
    [key, websiteId],
  );

  const enter = (website: string, entered: string) => {
    keepKey(entered);
    setKey(keptKey());
    setReason("");
    // A cell goes with another website, and stays with the one that it is of.
    const changes = website === websiteId ? {} : { website_id: website };
    navigate(formatAddress(changed(address, changes)), true);
  };
  const askForKey = (why: string) => {
    forgetKey();
    setKey("");
    setReason(why);
  };
  if (!api) {
    return <KeyForm key={websiteId} websiteId={websiteId} reason={reason} onEnter={enter} />;
  }
  return (
    <ExplorerContext.Provider value={{ api, address, navigate, askForKey }}>
      <Frame key={key} />
    </ExplorerContext.Provider>
  );
}

/**
 * The address, with the parameters that every view needs, and a way to change it.
 *
 * `onLink` is called after another address was opened in this page, which can have brought a key.
 */
function useAddress(onLink: () => void): [Address, (to: string, replace?: boolean) => void] {
  const [fragment, setFragment] = useState(() => complete());
  useEffect(() => {
    const follow = () => {
      setFragment(complete());
      onLink();
    };
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  const navigate = (to: string, replace = false) => {
    if (!replace) window.location.hash = to;
    else window.history.replaceState(null, "", to);
    setFragment(complete());
  };
  return [useMemo(() => parseAddress(fragment), [fragment]), navigate];
}

/** Writes what is open in the address, so that a link shows everybody the same. */
function complete(): string {
  takeKeyFromAddress();
  const address = parseAddress(window.location.hash);
  const given = address.params.get("timezone") ?? "";
  if (!isTimeZone(given)) address.params.delete("timezone"); // nothing could be written in it
  const timezone = address.params.get("timezone") ?? ownTimeZone();
  const usual = ranges(dayOf(new Date(), timezone)).get(DEFAULT_RANGE);
  const full = formatAddress(withUsual(address, { timezone, ...usual }));
  if (full !== window.location.hash) window.history.replaceState(null, "", full);
  return full;
}

function Frame() {
  const { address, to, api, askForKey } = useExplorer();
  const view = viewOf(address);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${view?.name ?? "Nothing here"} · Sessions`;
    // On a phone the views are wider than the screen.
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest" });
    if (!isFirst.current) document.getElementById("content")?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [view]);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it goes to the content, as its address says */}
      <a class="skip" href="#content" onClick={skip}>
        To the content
      </a>
      <header>
        <a class="brand" href={to("overview")}>
          Sessions
        </a>
        <nav aria-label="Views">
          {Object.entries(VIEWS).map(([id, { name }]) => (
            <a key={id} href={to(id)} aria-current={id === address.view ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <div class="account">
          <span title="The website">{api.websiteId}</span>
          <a href="docs">API</a>
          <button type="button" class="quiet" onClick={() => askForKey("")}>
            Other key
          </button>
        </div>
      </header>
      {view?.isSelected && <Controls />}
      <main id="content" tabindex={-1}>
        {view ? <view.content key={address.id} /> : <p class="empty">There is no such view.</p>}
      </main>
    </>
  );
}

/** The address has no room for a second fragment. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
