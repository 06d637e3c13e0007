import { useEffect, useState } from "preact/hooks";
import { Failed } from "../api.ts";
import { useExplorer } from "../context.ts";

const FORMATS = { csv: "CSV", ndjson: "NDJSON" } as const;
type Format = keyof typeof FORMATS;

/** Saves all sessions of the selection as a file. */
export function Export() {
  const { api, selection } = useExplorer();
  const [state, setState] = useState("");
  const [controller, setController] = useState<AbortController>();

  useEffect(() => () => controller?.abort(), [controller]);

  const save = async (format: Format) => {
    const started = new AbortController();
    setController(started);
    setState("Exporting …");
    try {
      const file = await api.export({ ...selection, format }, started.signal);
      download(file, `sessions-${selection.start_date}-${selection.end_date}.${format}`);
      setState("Exported.");
    } catch (error) {
      if (!started.signal.aborted && !(error instanceof Failed)) throw error;
      setState(error instanceof Failed ? `Not exported. ${error.problem.text}` : "Stopped.");
    }
    setController(undefined);
  };
  return (
    <span class="export">
      {controller ? (
        <button type="button" class="quiet" onClick={() => controller.abort()}>
          Stop
        </button>
      ) : (
        (Object.keys(FORMATS) as Format[]).map((format) => (
          <button key={format} type="button" class="quiet" onClick={() => save(format)}>
            Export {FORMATS[format]}
          </button>
        ))
      )}
      <output>{state}</output>
    </span>
  );
}

function download(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
