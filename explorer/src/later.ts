/** Calls back after some time; in a page that is hidden then, once it is seen. Returns the stop. */
export function later(call: () => void, ms: number): () => void {
  const onSeen = () => {
    if (document.hidden) return;
    document.removeEventListener("visibilitychange", onSeen);
    call();
  };
  const timer = window.setTimeout(() => {
    document.addEventListener("visibilitychange", onSeen);
    onSeen();
  }, ms);
  return () => {
    window.clearTimeout(timer);
    document.removeEventListener("visibilitychange", onSeen);
  };
}
