import { useState } from "preact/hooks";

/** Asks for a website and a key, once. */
export function KeyForm({
  websiteId,
  reason,
  onEnter,
}: {
  websiteId: string;
  reason: string;
  onEnter: (websiteId: string, key: string) => void;
}) {
  const [website, setWebsite] = useState(websiteId);
  const [key, setKey] = useState("");
  const enter = (event: Event) => {
    event.preventDefault();
    onEnter(website.trim(), key.trim());
  };
  return (
    <main class="key-form" id="content">
      <h1>Look at sessions</h1>
      {reason && (
        <p class="problem" role="alert">
          {reason}
        </p>
      )}
      <form onSubmit={enter}>
        <label>
          Website
          <input
            required
            spellcheck={false}
            placeholder="site_…"
            value={website}
            onInput={(event) => setWebsite(event.currentTarget.value)}
          />
        </label>
        <label>
          Key
          <input
            required
            type="password"
            autocomplete="off"
            pattern="\s*[!-~]+\s*"
            title="letters, digits and signs without spaces"
            placeholder="spk_…"
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <button type="submit">Look</button>
      </form>
      <p>
        The key is kept in this tab only. <code>sessions websites list</code> shows the ids of
        websites, and this makes a key that can only read:
      </p>
      <pre>
        <code>
          sessions keys create --name explorer --scope sessions:read --website {website || "site_…"}
        </code>
      </pre>
    </main>
  );
}
