/** A bar behind the first cell of a row, as long as a share from 0 to 1. */
export function Share({ of }: { of: number }) {
  return <span class="share" style={{ inlineSize: `${of * 100}%` }} />;
}
